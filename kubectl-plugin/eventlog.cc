#include <fmt/format.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "appraisal/facts_json.h"
#include "base/encoding.h"
#include "eventlog/coverage.h"
#include "eventlog/event_log.h"
#include "eventlog/event_text.h"
#include "eventlog/replay.h"
#include "kubectl-plugin/commands.h"
#include "kubectl-plugin/files.h"

namespace plimsoll::plugin {
namespace {

using nlohmann::ordered_json;

std::string BankText(const eventlog::Bank& bank) {
  return bank.algorithm ? std::string(tcg::BankName(*bank.algorithm))
                        : fmt::format("0x{:04x}", bank.number);
}

ordered_json Banks(const eventlog::EventLog& log) {
  ordered_json banks = ordered_json::array();
  for (const eventlog::Bank& bank : log.banks()) {
    banks.push_back(BankText(bank));
  }
  return banks;
}

ordered_json Replays(const eventlog::EventLog& log, std::optional<tcg::AlgorithmId> only) {
  ordered_json replays = ordered_json::object();
  for (const eventlog::Bank& bank : log.banks()) {
    if (!bank.algorithm || (only && *only != *bank.algorithm)) {
      continue;
    }
    const eventlog::Replay replay = eventlog::ReplayBank(log, *bank.algorithm);
    ordered_json& pcrs = replays[BankText(bank)] = ordered_json::object();
    for (uint32_t pcr = 0; pcr < eventlog::kPcrCount; ++pcr) {
      if (replay.pcrs[pcr]) {
        pcrs[std::to_string(pcr)] = ToHex(*replay.pcrs[pcr]);
      }
    }
  }
  return replays;
}

std::string_view ToString(eventlog::Coverage::Kind kind) {
  switch (kind) {
    case eventlog::Coverage::Kind::kNothing:
      return "Nothing";
    case eventlog::Coverage::Kind::kPart:
      return "Part";
    case eventlog::Coverage::Kind::kWhole:
      return "Whole";
  }
  return "";
}

ordered_json Events(const eventlog::EventLog& log, std::optional<tcg::AlgorithmId> judged_by) {
  ordered_json events = ordered_json::array();
  for (const eventlog::Event& event : log.events()) {
    ordered_json digests = ordered_json::object();
    for (const eventlog::Bank& bank : log.banks()) {
      if (bank.algorithm) {
        const ByteSpan digest = log.DigestOf(event, *bank.algorithm);
        if (!digest.empty()) {
          digests[BankText(bank)] = ToHex(digest);
        }
      }
    }
    const eventlog::Coverage coverage =
        judged_by ? eventlog::CoverageOf(log, event, *judged_by) : eventlog::Coverage();
    events.push_back({{"index", event.index},
                      {"pcr", event.pcr},
                      {"type", eventlog::EventTypeName(event.type)},
                      {"digests", std::move(digests)},
                      {"dataTrusted", coverage.any()},
                      {"covered", ToString(coverage.kind)},
                      {"text", eventlog::EventText(event)}});
  }
  return events;
}

void PrintTable(const ordered_json& document, std::ostream& out) {
  out << fmt::format("FORMAT       {}\n", document["format"].get<std::string>());
  out << fmt::format("SECURE BOOT  {}: {}\n", document["secureBoot"].get<std::string>(),
                     document["secureBootDetail"].get<std::string>());
  if (document["kernelCommandLine"].is_string()) {
    out << fmt::format("KERNEL       {}\n", document["kernelCommandLine"].get<std::string>());
  }
  out << "\nPCR  VALUE AFTER REPLAY\n";
  for (const auto& [bank, pcrs] : document["pcrs"].items()) {
    for (const auto& [pcr, value] : pcrs.items()) {
      out << fmt::format("{:>3}  {}:{}\n", pcr, bank, value.get<std::string>());
    }
  }
  out << "\n  EVENT  PCR  TYPE                                DATA     TEXT\n";
  for (const ordered_json& event : document["events"]) {
    const uint32_t pcr = event["pcr"];
    out << fmt::format(
        "{:>7}  {:>3}  {:<34}  {:<7}  {}\n", event["index"].get<uint32_t>(),
        pcr == eventlog::kNoPcr ? "-" : std::to_string(pcr), event["type"].get<std::string>(),
        event["dataTrusted"].get<bool>() ? "trusted" : "-", event["text"].get<std::string>());
  }
  for (const ordered_json& problem : document["problems"]) {
    out << fmt::format("\n{} (PCR {}): {}", problem["check"].get<std::string>(),
                       problem["pcr"].get<uint32_t>(), problem["message"].get<std::string>());
  }
  out << (document["problems"].empty() ? "" : "\n");
}

int Refused(const eventlog::Refusal& refusal, const EventLogOptions& options,
            const Surroundings& surroundings) {
  const std::string where =
      refusal.event ? fmt::format("event {}: ", *refusal.event) : std::string();
  surroundings.err << fmt::format("kubectl plimsoll: {}: refused ({}): {}{}\n", options.file,
                                  eventlog::ToString(refusal.kind), where, refusal.message);
  if (options.format == Format::kJson) {
    ordered_json document = {{"refused", eventlog::ToString(refusal.kind)},
                             {"reason", where + refusal.message}};
    surroundings.out << document.dump(2, ' ', false, ordered_json::error_handler_t::replace)
                     << "\n";
  }
  return kExitUntrusted;
}

}  // namespace

int EventLog(const EventLogOptions& options, const Surroundings& surroundings) {
  // A byte more than a log may have, so that a longer one is refused as a log.
  constexpr size_t kMaxFileBytes = 64 * 1024 * 1024;
  const auto text = ReadFile(options.file, kMaxFileBytes, surroundings);
  if (!text) {
    return Unusable(text.error(), surroundings);
  }
  const auto log = eventlog::EventLog::Parse(AsBytes(*text));
  if (!log) {
    return Refused(log.error(), options, surroundings);
  }
  if (options.bank && log->FindBank(*options.bank) == nullptr) {
    surroundings.err << fmt::format("kubectl plimsoll: {}: the log has no bank {}\n", options.file,
                                    tcg::BankName(*options.bank));
    return kExitUntrusted;
  }
  const auto judged_by = options.bank ? options.bank : log->StrongestBank();
  ordered_json document = {{"format", eventlog::ToString(log->format())}, {"banks", Banks(*log)}};
  document["startupLocality"] =
      log->startup_locality() ? ordered_json(*log->startup_locality()) : ordered_json(nullptr);
  document["pcrs"] = Replays(*log, options.bank);
  document.update(
      appraisal::ToJson(eventlog::ReadFacts(*log, judged_by.value_or(tcg::AlgorithmId::kSha256))));
  document["events"] = Events(*log, judged_by);
  if (options.format == Format::kJson) {
    surroundings.out << document.dump(2, ' ', false, ordered_json::error_handler_t::replace)
                     << "\n";
  } else {
    PrintTable(document, surroundings.out);
  }
  return kExitTrusted;
}

}  // namespace plimsoll::plugin
