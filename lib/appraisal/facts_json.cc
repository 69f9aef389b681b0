#include "appraisal/facts_json.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/encoding.h"

namespace plimsoll::appraisal {
namespace {

using nlohmann::ordered_json;

ordered_json Entries(const eventlog::SignatureDatabase& database) {
  ordered_json entries = ordered_json::array();
  for (const eventlog::SignatureEntry& entry : database.entries.items) {
    entries.push_back({{"kind", eventlog::ToString(entry.kind)}, {"value", ToHex(entry.value)}});
  }
  return {{"covered", database.covered},
          {"readable", database.readable},
          {"entries", std::move(entries)}};
}

ordered_json Databases(const eventlog::BootFacts& facts) {
  ordered_json databases = ordered_json::object();
  const std::pair<const char*, const eventlog::SignatureDatabase*> all[] = {
      {"PK", &facts.pk}, {"KEK", &facts.kek}, {"db", &facts.db}, {"dbx", &facts.dbx}};
  for (const auto& [name, database] : all) {
    if (database->event) {
      databases[name] = Entries(*database);
    }
  }
  return databases;
}

ordered_json Authorities(const eventlog::BootFacts& facts) {
  ordered_json authorities = ordered_json::array();
  for (const eventlog::Authority& authority : facts.authorities.items) {
    ordered_json item = {{"event", authority.event},
                         {"variable", authority.variable},
                         {"covered", authority.covered},
                         {"beforeSeparator", authority.before_separator},
                         {"digest", ToHex(authority.digest)}};
    if (authority.entry) {
      item["kind"] = eventlog::ToString(authority.entry->kind);
      item["value"] = ToHex(authority.entry->value);
    }
    authorities.push_back(std::move(item));
  }
  return authorities;
}

ordered_json Components(const eventlog::BootFacts& facts) {
  ordered_json components = ordered_json::array();
  for (const eventlog::Component& component : facts.components.items) {
    components.push_back(
        {{"role", eventlog::ToString(component.role)},
         {"pcr", component.pcr},
         {"event", component.event},
         {"path", component.name},
         {"pathTrusted", component.name_covered},
         {"digest", fmt::format("{}:{}", tcg::BankName(facts.bank), ToHex(component.digest))}});
  }
  return components;
}

// The line that the kernel got; several only where the log has several.
ordered_json KernelCommandLine(const eventlog::BootFacts& facts) {
  const eventlog::CommandLine* last = nullptr;
  for (const eventlog::CommandLine& line : facts.command_lines.items) {
    if (line.covered && line.source != eventlog::CommandLineSource::kGrubLinuxCommand) {
      last = &line;
    }
  }
  return last == nullptr ? ordered_json(nullptr) : ordered_json(last->text);
}

ordered_json CommandLines(const eventlog::BootFacts& facts) {
  ordered_json lines = ordered_json::array();
  for (const eventlog::CommandLine& line : facts.command_lines.items) {
    lines.push_back({{"source", eventlog::ToString(line.source)},
                     {"pcr", line.pcr},
                     {"event", line.event},
                     {"covered", line.covered},
                     {"text", line.text}});
  }
  return lines;
}

ordered_json UkiSections(const eventlog::BootFacts& facts) {
  ordered_json sections = ordered_json::array();
  for (const eventlog::UkiSection& section : facts.uki_sections.items) {
    sections.push_back(
        {{"name", section.name}, {"event", section.event}, {"digest", ToHex(section.digest)}});
  }
  return sections;
}

ordered_json Partitions(const eventlog::PartitionTable& table) {
  ordered_json partitions = ordered_json::array();
  for (const eventlog::Partition& partition : table.partitions.items) {
    partitions.push_back({{"type", eventlog::ToString(partition.type)},
                          {"id", eventlog::ToString(partition.id)},
                          {"name", partition.name}});
  }
  return {{"disk", eventlog::ToString(table.disk)}, {"partitions", std::move(partitions)}};
}

ordered_json Problems(const eventlog::BootFacts& facts) {
  ordered_json problems = ordered_json::array();
  for (const eventlog::Problem& problem : facts.problems.items) {
    ordered_json item = {{"check", problem.check}, {"pcr", problem.pcr}};
    if (problem.event) {
      item["event"] = *problem.event;
    }
    item["message"] = problem.message;
    problems.push_back(std::move(item));
  }
  return problems;
}

ordered_json Ima(const ima::Summary& summary) {
  ordered_json templates = ordered_json::object();
  for (size_t i = 0; i < ima::kTemplates; ++i) {
    if (summary.by_template[i] != 0) {
      templates[std::string(ima::ToString(static_cast<ima::Template>(i)))] = summary.by_template[i];
    }
  }
  ordered_json json = {{"entries", summary.entries},
                       {"violations", summary.violations},
                       {"templates", std::move(templates)}};
  json["bootAggregate"] =
      summary.boot_aggregate ? ordered_json(ToHex(*summary.boot_aggregate)) : ordered_json(nullptr);
  return json;
}

}  // namespace

ordered_json ToJson(const eventlog::BootFacts& facts) {
  ordered_json json = {{"secureBoot", eventlog::ToString(facts.secure_boot.state)},
                       {"secureBootDetail", facts.secure_boot.why},
                       {"databases", Databases(facts)},
                       {"authorities", Authorities(facts)},
                       {"components", Components(facts)},
                       {"kernelCommandLine", KernelCommandLine(facts)},
                       {"commandLines", CommandLines(facts)},
                       {"ukiSections", UkiSections(facts)},
                       {"firmwareVersion", facts.firmware_version},
                       {"problems", Problems(facts)},
                       {"factsTruncated", facts.truncated()}};
  json["startupLocality"] =
      facts.startup_locality ? ordered_json(*facts.startup_locality) : ordered_json(nullptr);
  if (facts.sbat_level) {
    json["sbatLevel"] = facts.sbat_level->text;
  }
  if (facts.partition_table) {
    json["partitionTable"] = Partitions(*facts.partition_table);
  }
  return json;
}

ordered_json ToJson(const BootEvidence& boot) {
  ordered_json json = {{"eventLog", ToString(boot.state)}};
  if (!boot.detail.empty()) {
    json["detail"] = boot.detail;
  }
  if (!boot.sha256.empty()) {
    json["logDigest"] = "sha256:" + ToHex(boot.sha256);
  }
  if (boot.bank && boot.facts) {
    json["bank"] = tcg::BankName(*boot.bank);
    json.update(ToJson(*boot.facts));
  }
  return json;
}

ordered_json FactsOf(const Appraisal& appraisal) {
  ordered_json json = ordered_json::object();
  if (!appraisal.facts) {
    return json;
  }
  const Facts& facts = *appraisal.facts;
  json["pcrs"] = ordered_json::array();
  for (const evidence::PcrValue& value : facts.pcrs) {
    json["pcrs"].push_back({{"bank", tcg::BankName(value.bank)},
                            {"index", value.index},
                            {"digest", ToHex(value.digest)}});
  }
  if (facts.clock) {
    json["clock"] = {{"clock", facts.clock->clock},
                     {"resetCount", facts.clock->reset_count},
                     {"restartCount", facts.clock->restart_count},
                     {"safe", facts.clock->safe}};
  }
  if (facts.firmware) {
    json["firmwareVersion"] = facts.firmware->ToText();
  }
  if (!facts.boot_id.empty()) {
    json["bootID"] = facts.boot_id;
  }
  if (facts.boot) {
    json["boot"] = ToJson(*facts.boot);
  }
  if (appraisal.ima) {
    json["ima"] = Ima(*appraisal.ima);
  }
  return json;
}

ordered_json ToJson(const Finding& finding, std::string_view policy) {
  ordered_json json = ordered_json::object();
  if (!policy.empty()) {
    json["policy"] = policy;
  }
  json["check"] = finding.check;
  json["reason"] = finding.reason ? ordered_json(ToString(*finding.reason)) : ordered_json(nullptr);
  if (finding.pcr) {
    json["pcr"] = {{"bank", tcg::BankName(finding.pcr->bank)}, {"index", finding.pcr->index}};
  }
  if (finding.event) {
    json["event"]["index"] = finding.event->index;
    if (!finding.event->type.empty()) {
      json["event"]["type"] = finding.event->type;
    }
  }
  const std::pair<const char*, const std::string*> texts[] = {{"observed", &finding.observed},
                                                              {"expected", &finding.expected},
                                                              {"closest", &finding.closest}};
  for (const auto& [key, text] : texts) {
    if (!text->empty()) {
      json[key] = *text;
    }
  }
  json["message"] = finding.message;
  return json;
}

}  // namespace plimsoll::appraisal
