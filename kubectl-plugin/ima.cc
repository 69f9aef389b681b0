#include <fmt/format.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "base/encoding.h"
#include "ima/measurement_list.h"
#include "ima/replay.h"
#include "kubectl-plugin/commands.h"
#include "kubectl-plugin/files.h"

namespace plimsoll::plugin {
namespace {

using nlohmann::ordered_json;
using tcg::AlgorithmId;

constexpr std::array kDefaultBanks = {AlgorithmId::kSha1, AlgorithmId::kSha256,
                                      AlgorithmId::kSha384};

int Refused(const ima::Refusal& refusal, const ImaOptions& options,
            const Surroundings& surroundings) {
  const std::string reason = fmt::format("entry {}: {}", refusal.entry, refusal.message);
  surroundings.err << fmt::format("kubectl plimsoll: {}: refused: {}\n", options.file, reason);
  if (options.format == Format::kJson) {
    surroundings.out << ordered_json({{"refused", "Malformed"}, {"reason", reason}}).dump(2)
                     << "\n";
  }
  return kExitUntrusted;
}

// Counts of the entries of one PCR, or of all.
ordered_json Counts(const ima::List& list, std::optional<uint32_t> pcr) {
  size_t entries = 0;
  size_t violations = 0;
  ordered_json templates = ordered_json::object();
  for (size_t i = 0; i < list.size(); ++i) {
    const ima::Entry entry = list[i];
    if (pcr && entry.pcr != *pcr) {
      continue;
    }
    ++entries;
    violations += entry.violation ? 1U : 0U;
    ordered_json& count = templates[std::string(ima::ToString(entry.form))];
    count = count.is_null() ? 1 : count.get<int>() + 1;
  }
  return {{"entries", entries}, {"violations", violations}, {"templates", std::move(templates)}};
}

void PrintTable(const ordered_json& document, std::ostream& out) {
  out << fmt::format("ENTRIES         {}\nVIOLATIONS      {}\n", document["entries"].get<size_t>(),
                     document["violations"].get<size_t>());
  for (const auto& [name, count] : document["templates"].items()) {
    out << fmt::format("TEMPLATE        {}: {}\n", name, count.get<int>());
  }
  if (document["bootAggregate"].is_string()) {
    out << fmt::format("BOOT AGGREGATE  {}\n", document["bootAggregate"].get<std::string>());
  }
  out << "\nPCR  VALUE AFTER REPLAY\n";
  for (const auto& [bank, pcrs] : document["pcrs"].items()) {
    for (const auto& [pcr, value] : pcrs.items()) {
      out << fmt::format("{:>3}  {}:{}\n", pcr, bank, value.get<std::string>());
    }
  }
}

}  // namespace

int Ima(const ImaOptions& options, const Surroundings& surroundings) {
  constexpr size_t kMaxFileBytes = 64 * 1024 * 1024;  // a longer list is refused as a list
  const auto text = ReadFile(options.file, kMaxFileBytes, surroundings);
  if (!text) {
    return Unusable(text.error(), surroundings);
  }
  const auto list = ima::List::FromFile(AsBytes(*text));
  if (!list) {
    return Refused(list.error(), options, surroundings);
  }
  ordered_json document = Counts(*list, options.pcr);
  document["pcrs"] = ordered_json::object();
  const std::vector<AlgorithmId> banks =
      options.bank ? std::vector{*options.bank}
                   : std::vector(kDefaultBanks.begin(), kDefaultBanks.end());
  for (const AlgorithmId wanted : banks) {
    const auto replay = ima::ReplayAll(*list, wanted);
    if (!replay) {
      return Refused(replay.error(), options, surroundings);
    }
    ordered_json& pcrs = document["pcrs"][std::string(tcg::BankName(wanted))] =
        ordered_json::object();
    for (const auto& [pcr, value] : *replay) {
      if (!options.pcr || *options.pcr == pcr) {
        pcrs[std::to_string(pcr)] = ToHex(value);
      }
    }
  }
  const ima::Summary summary = ima::Summarize(*list);
  document["bootAggregate"] = summary.boot_aggregate
                                  ? ordered_json(fmt::format("{}:{}", (*list)[0].digest.name,
                                                             ToHex(*summary.boot_aggregate)))
                                  : ordered_json(nullptr);
  if (options.format == Format::kJson) {
    surroundings.out << document.dump(2) << "\n";
  } else {
    PrintTable(document, surroundings.out);
  }
  return kExitTrusted;
}

}  // namespace plimsoll::plugin
