#include <fmt/format.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "api/stored_facts.h"
#include "kubectl-plugin/cluster/cluster_commands.h"
#include "kubectl-plugin/cluster/cohorts_view.h"
#include "kubectl-plugin/learner.h"
#include "kubectl-plugin/learnt_objects.h"
#include "kubectl-plugin/terminal.h"

namespace plimsoll::plugin {
namespace {

using nlohmann::ordered_json;

constexpr size_t kMaxNamed = 6;

struct Members {
  std::vector<CohortMember> known;
  std::vector<std::string> unknown;  // nothing was proven, or it cannot be read
};

Members MembersOf(const std::vector<api::NodeAttestation>& attestations) {
  Members members;
  for (const api::NodeAttestation& attestation : attestations) {
    auto facts = api::StoredFacts(attestation.status);
    if (facts && !facts->pcrs.empty()) {
      members.known.push_back({attestation.meta.name, *std::move(facts)});
    } else {
      members.unknown.push_back(attestation.meta.name);
    }
  }
  return members;
}

std::string NameOf(size_t index) { return fmt::format("{}", index + 1); }

ordered_json DocumentOf(const std::vector<Cohort>& cohorts, const Members& members) {
  ordered_json list = ordered_json::array();
  for (size_t i = 0; i < cohorts.size(); ++i) {
    ordered_json nodes = ordered_json::array();
    for (const CohortMember* member : cohorts[i].members) {
      nodes.push_back(member->node);
    }
    ordered_json item = {
        {"name", NameOf(i)}, {"nodes", std::move(nodes)}, {"outlier", cohorts[i].outlier}};
    if (cohorts[i].outlier) {
      item["beside"] = NameOf(cohorts[i].beside);
      item["differences"] = cohorts[i].differences;
    }
    list.push_back(std::move(item));
  }
  return {{"cohorts", std::move(list)}, {"unknown", members.unknown}};
}

void PrintNodes(Printer& out, const std::vector<const CohortMember*>& members) {
  std::string names;
  for (size_t i = 0; i < members.size() && i < kMaxNamed; ++i) {
    names += (i == 0 ? "" : ", ") + members[i]->node;
  }
  if (members.size() > kMaxNamed) {
    names += fmt::format(" and {} more", members.size() - kMaxNamed);
  }
  out.Line("  " + names);
}

std::string FirstOf(const appraisal::Facts& facts) {
  if (!facts.boot || !facts.boot->facts) {
    return fmt::format("boot event log {}",
                       facts.boot ? appraisal::ToString(facts.boot->state) : "Absent");
  }
  const eventlog::BootFacts& boot = *facts.boot->facts;
  std::string text = fmt::format("Secure Boot {}", eventlog::ToString(boot.secure_boot.state));
  if (!boot.firmware_version.empty()) {
    text += ", firmware " + boot.firmware_version;
  }
  return text;
}

void PrintTable(const std::vector<Cohort>& cohorts, const Members& members,
                const Surroundings& surroundings) {
  Printer out(surroundings.out);
  for (size_t i = 0; i < cohorts.size(); ++i) {
    const Cohort& cohort = cohorts[i];
    out.Line(fmt::format("COHORT {}{}: {} node{}, {}", NameOf(i),
                         cohort.outlier ? " (outlier)" : "", cohort.members.size(),
                         cohort.members.size() == 1 ? "" : "s",
                         FirstOf(cohort.members.front()->facts)));
    PrintNodes(out, cohort.members);
    if (cohort.outlier) {
      out.Line(fmt::format("  differs from cohort {} by:", NameOf(cohort.beside)));
      for (const std::string& difference : cohort.differences) {
        out.Line("    " + difference);
      }
    }
    out.Line();
  }
  if (!members.unknown.empty()) {
    out.Line(fmt::format("{} node{} without proven facts, {} for one", members.unknown.size(),
                         members.unknown.size() == 1 ? "" : "s", members.unknown.front()));
  }
  if (cohorts.empty()) {
    out.Line("No node has proven facts yet.");
  }
}

void Propose(const std::vector<Cohort>& cohorts, const CohortsOptions& options,
             const Surroundings& surroundings) {
  std::vector<ordered_json> objects;
  for (size_t i = 0; i < cohorts.size(); ++i) {
    std::vector<const appraisal::Facts*> machines;
    for (const CohortMember* member : cohorts[i].members) {
      machines.push_back(&member->facts);
    }
    objects.push_back(Learner(fmt::format("{}-{}", options.name, NameOf(i)), machines)
                          .Values(fmt::format("learnt from {} like nodes, {} for one; look at it "
                                              "before it decides",
                                              machines.size(), cohorts[i].members.front()->node)));
  }
  PrintObjects(objects, options.format == Format::kJson ? Format::kJson : Format::kYaml,
               surroundings);
}

}  // namespace

int Cohorts(const CohortsOptions& options, const Surroundings& surroundings) {
  auto connection = Connection::Open(options.connection, surroundings);
  if (!connection) {
    return Failed(connection.error(), surroundings);
  }
  std::vector<std::string> problems;
  const auto attestations = connection->ReadAll<api::NodeAttestation>(
      kube::kNodeAttestation,
      [](std::string_view json) { return api::NodeAttestation::Parse(json); }, problems);
  if (!attestations) {
    return Failed(attestations.error(), surroundings);
  }
  const Members members = MembersOf(*attestations);
  const std::vector<Cohort> cohorts = FindCohorts(
      members.known, options.pcrs.empty() ? std::vector<uint32_t>{0, 2, 3, 7} : options.pcrs);
  for (const std::string& problem : problems) {
    Printer(surroundings.err).Line(problem);
  }
  if (options.propose) {
    Propose(cohorts, options, surroundings);
    return kExitTrusted;
  }
  if (options.format == Format::kTable) {
    PrintTable(cohorts, members, surroundings);
  } else {
    PrintDocument(DocumentOf(cohorts, members), options.format, surroundings);
  }
  const bool outliers = std::any_of(cohorts.begin(), cohorts.end(),
                                    [](const Cohort& cohort) { return cohort.outlier; });
  return outliers ? kExitUntrusted : kExitTrusted;
}

}  // namespace plimsoll::plugin
