#include "kubectl-plugin/cluster/cohorts_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "base/encoding.h"
#include "kubectl-plugin/cluster/facts_diff.h"

namespace plimsoll::plugin {
namespace {

using appraisal::Facts;

constexpr uint32_t kFirmwarePcrs = 8;
constexpr size_t kOutlierFactor = 4;

bool IsUuid(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdefABCDEF-";
  return text.size() >= 8 && text.find_first_not_of(kHex) == std::string_view::npos &&
         text.find('-') != std::string_view::npos;
}

// The argument without what names one machine's disk: "root=UUID=*".
std::string Masked(const std::string& argument) {
  const size_t equals = argument.rfind('=');
  const size_t slash = argument.rfind('/');
  const size_t at = slash == std::string::npos ? equals : std::max(equals + 1, slash + 1) - 1;
  if (at == std::string::npos || !IsUuid(std::string_view(argument).substr(at + 1))) {
    return argument;
  }
  return argument.substr(0, at + 1) + "*";
}

std::string MaskedLine(const std::string& line) {
  std::string masked;
  for (size_t begin = 0; begin < line.size();) {
    const size_t end = std::min(line.find(' ', begin), line.size());
    masked += Masked(line.substr(begin, end - begin)) + " ";
    begin = end + 1;
  }
  return masked;
}

void AddDatabase(std::string& key, const eventlog::SignatureDatabase& database) {
  std::vector<std::string> entries;
  for (const eventlog::SignatureEntry& entry : database.entries.items) {
    entries.push_back(ToHex(entry.value));
  }
  std::sort(entries.begin(), entries.end());
  key += fmt::format("|{}{}", database.event.has_value(), database.usable());
  for (const std::string& entry : entries) {
    key += "," + entry;
  }
}

// Equal for nodes of one cohort.
std::string KeyOf(const Facts& facts, const std::vector<uint32_t>& pcrs) {
  std::optional<tcg::AlgorithmId> bank;
  for (const evidence::PcrValue& value : facts.pcrs) {
    if (!bank || tcg::DigestSize(value.bank) > tcg::DigestSize(*bank)) {
      bank = value.bank;
    }
  }
  const bool log = facts.boot && facts.boot->facts;
  std::map<uint32_t, std::string> values;
  for (const evidence::PcrValue& value : facts.pcrs) {
    const bool asked = std::find(pcrs.begin(), pcrs.end(), value.index) != pcrs.end();
    if (value.bank == bank && (asked || (!log && value.index < kFirmwarePcrs))) {
      values[value.index] = ToHex(value.digest);
    }
  }
  std::string key(bank ? tcg::BankName(*bank) : "");
  for (const auto& [index, digest] : values) {
    key += fmt::format("|{}={}", index, digest);
  }
  if (!log) {
    return key + "|no log";
  }
  const eventlog::BootFacts& boot = *facts.boot->facts;
  key += fmt::format("|{}", eventlog::ToString(boot.secure_boot.state));
  for (const auto* database : {&boot.pk, &boot.kek, &boot.db, &boot.dbx}) {
    AddDatabase(key, *database);
  }
  for (const eventlog::Component& component : boot.components.items) {
    key += fmt::format("|{} {}", eventlog::ToString(component.role), ToHex(component.digest));
  }
  for (const eventlog::CommandLine& line : boot.command_lines.items) {
    if (line.source != eventlog::CommandLineSource::kGrubLinuxCommand) {
      key += "|" + MaskedLine(line.text);
    }
  }
  return key;
}

void FindOutliers(std::vector<Cohort>& cohorts) {
  for (size_t i = 0; i < cohorts.size(); ++i) {
    Cohort& cohort = cohorts[i];
    for (size_t j = 0; j < i; ++j) {
      if (cohorts[j].members.size() < kOutlierFactor * cohort.members.size()) {
        break;  // the largest come first
      }
      auto differences = DifferencesInWords(
          DiffFacts(cohorts[j].members.front()->facts, cohort.members.front()->facts));
      if (!cohort.outlier || differences.size() < cohort.differences.size()) {
        cohort.outlier = true;
        cohort.beside = j;
        cohort.differences = std::move(differences);
      }
    }
  }
}

}  // namespace

std::vector<Cohort> FindCohorts(const std::vector<CohortMember>& members,
                                const std::vector<uint32_t>& pcrs) {
  std::map<std::string, Cohort> by_key;
  for (const CohortMember& member : members) {
    by_key[KeyOf(member.facts, pcrs)].members.push_back(&member);
  }
  std::vector<Cohort> cohorts;
  for (auto& [key, cohort] : by_key) {
    std::sort(cohort.members.begin(), cohort.members.end(),
              [](const auto* a, const auto* b) { return a->node < b->node; });
    cohorts.push_back(std::move(cohort));
  }
  std::sort(cohorts.begin(), cohorts.end(), [](const Cohort& a, const Cohort& b) {
    return a.members.size() != b.members.size() ? a.members.size() > b.members.size()
                                                : a.members.front()->node < b.members.front()->node;
  });
  FindOutliers(cohorts);
  return cohorts;
}

}  // namespace plimsoll::plugin
