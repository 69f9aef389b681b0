#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/encoding.h"
#include "eventlog/event_text.h"
#include "eventlog/text.h"
#include "read_log.h"

// What a hostile log can do to the size and the text of facts.
namespace plimsoll::eventlog {
namespace {

using fakes::EventLogBuilder;
using nlohmann::json;

// Compact JSON as it would be stored: entries of databases in base64, all else in full.
json Stored(const BootFacts& facts) {
  json out;
  const auto optional = [](const std::optional<uint32_t>& event) {
    return event ? json(*event) : json(nullptr);
  };
  out["secureBoot"] = {{"state", ToString(facts.secure_boot.state)},
                       {"event", optional(facts.secure_boot.event)},
                       {"why", facts.secure_boot.why}};
  for (const SignatureDatabase* database : {&facts.pk, &facts.kek, &facts.db, &facts.dbx}) {
    json entries = json::array();
    Bytes all;
    for (const SignatureEntry& entry : database->entries.items) {
      all.push_back(static_cast<uint8_t>(entry.kind));
      Append(all, entry.value);
    }
    out["databases"].push_back({{"event", optional(database->event)}, {"entries", ToBase64(all)}});
  }
  for (const Authority& each : facts.authorities.items) {
    out["authorities"].push_back({{"event", each.event},
                                  {"variable", each.variable},
                                  {"guid", ToString(each.variable_guid)},
                                  {"covered", each.covered},
                                  {"beforeSeparator", each.before_separator},
                                  {"entry", each.entry ? ToHex(each.entry->value) : ""},
                                  {"digest", ToHex(each.digest)}});
  }
  for (const Component& each : facts.components.items) {
    out["components"].push_back({{"role", ToString(each.role)},
                                 {"roleProven", each.role_proven},
                                 {"pcr", each.pcr},
                                 {"event", each.event},
                                 {"type", static_cast<uint32_t>(each.type)},
                                 {"digest", ToHex(each.digest)},
                                 {"name", each.name},
                                 {"nameCovered", each.name_covered}});
  }
  for (const CommandLine& each : facts.command_lines.items) {
    out["commandLines"].push_back({{"event", each.event},
                                   {"pcr", each.pcr},
                                   {"source", ToString(each.source)},
                                   {"covered", each.covered},
                                   {"truncated", each.truncated},
                                   {"text", each.text},
                                   {"digest", ToHex(each.digest)}});
  }
  for (const BootText& each : facts.grub_commands.items) {
    out["grubCommands"].push_back(
        {{"event", each.event}, {"covered", each.covered}, {"text", each.text}});
  }
  for (const BootText& each : facts.stub_events.items) {
    out["stubEvents"].push_back(
        {{"event", each.event}, {"pcr", each.pcr}, {"covered", each.covered}, {"text", each.text}});
  }
  for (const MokVariable& each : facts.mok_variables.items) {
    out["mok"].push_back(
        {{"event", each.event}, {"name", each.name}, {"digest", ToHex(each.digest)}});
  }
  for (const UkiSection& each : facts.uki_sections.items) {
    out["uki"].push_back(
        {{"event", each.event}, {"name", each.name}, {"digest", ToHex(each.digest)}});
  }
  if (facts.partition_table) {
    for (const Partition& each : facts.partition_table->partitions.items) {
      out["partitions"].push_back(
          {{"type", ToString(each.type)}, {"id", ToString(each.id)}, {"name", each.name}});
    }
  }
  for (const Problem& each : facts.problems.items) {
    out["problems"].push_back({{"check", each.check},
                               {"severity", static_cast<int>(each.severity)},
                               {"pcr", each.pcr},
                               {"event", optional(each.event)},
                               {"message", each.message}});
  }
  return out;
}

// As much as fits into a log of everything that facts keep, with text that grows when it is quoted.
EventLogBuilder FloodedLog() {
  EventLogBuilder builder = fakes::SecureBootLog({tcg::AlgorithmId::kSha512, kSha256});
  const std::string quotes(300, '"');
  std::vector<Bytes> hashes(4000, Bytes(32, 7));
  builder.AddVariable(fakes::kSecurityGuid, "dbx",
                      fakes::SignatureList(fakes::kSha256ListGuid, hashes));
  std::swap(builder.events[fakes::kDbxEvent - 1], builder.events.back());
  builder.events.pop_back();
  for (int i = 0; i < 150; ++i) {
    builder.AddImage(4, quotes, "image" + std::to_string(i));
    builder.AddGrub("grub_cmd: ", "linux " + quotes);
    builder.AddGrub("kernel_cmdline: ", quotes + std::to_string(i));
    builder.AddGrubFile(quotes, "file" + std::to_string(i));
    builder.AddAuthority(fakes::kShimGuid, quotes, AsBytes("x"));
    builder.AddUkiSection(".linux", "kernel" + std::to_string(i));
    builder.AddText(13, EventType::kIpl, quotes);
    builder.AddText(14, EventType::kIpl, quotes);
    builder.AddText(7, EventType::kEfiAction, std::string(100, '"') + std::to_string(i));
    builder.AddText(static_cast<uint32_t>(i) % 24, EventType::kUnused, "x");
    builder.Add(0, EventType::kNoAction, AsBytes("x"));
  }
  return builder;
}

TEST(FactsBounds, AFloodOfEventsFitsIntoTheLimitAndIsCalledTruncated) {
  const EventLog log = ParseGood(FloodedLog());
  for (const tcg::AlgorithmId bank : {kSha256, tcg::AlgorithmId::kSha512}) {
    const BootFacts facts = ReadFacts(log, bank);
    EXPECT_TRUE(facts.truncated());
    EXPECT_TRUE(facts.dbx.entries.truncated);
    EXPECT_FALSE(facts.dbx.usable());
    EXPECT_TRUE(facts.components.truncated);
    EXPECT_TRUE(facts.command_lines.truncated);
    const size_t size = Stored(facts).dump().size();
    EXPECT_LE(size, kMaxFactsBytes);
    EXPECT_GE(size, kMaxFactsBytes / 2);
  }
}

TEST(FactsBounds, NoFloodOfNoticesHidesAProblem) {
  EventLogBuilder builder = FloodedLog();
  builder.AddSeparator(7);
  const BootFacts facts = FactsOf(builder);
  ASSERT_NE(facts.FirstProblem(7, Severity::kMalformed), nullptr);
  for (uint32_t pcr = 0; pcr < 16; ++pcr) {
    EXPECT_NE(facts.FirstProblem(pcr, Severity::kMalformed), nullptr) << pcr;
  }
  EXPECT_NE(facts.secure_boot.state, SecureBootState::kEnabled);
}

TEST(FactsBounds, FactsOfRealLogsAreNotTruncatedAndSmall) {
  for (const std::string_view name :
       {"keylime--binary_bios_measurements", "rust-keylime--uefi_log.bin"}) {
    const BootFacts facts = ReadFacts(RecordedLog(name), kSha256);
    EXPECT_FALSE(facts.truncated()) << name;
    EXPECT_LE(Stored(facts).dump().size(), kMaxFactsBytes);
  }
}

TEST(FactsBounds, ManyEventsAreReadInLinearTime) {
  EventLogBuilder builder;
  for (size_t i = 0; i + 2 < kMaxEvents; ++i) {
    builder.Add(7, EventType::kEfiVariableDriverConfig, {});
  }
  EXPECT_EQ(FactsOf(builder).event_count, kMaxEvents - 1);
}

TEST(LogText, ControlCharactersNeverLeaveALog) {
  EXPECT_EQ(EscapeText(AsBytes("a\x1b[31m\n\x7f"), 64), "a\\x1b[31m\\x0a\\x7f");
  EXPECT_EQ(EscapeText(AsBytes("\xC2\x9B\xE2\x80\xAE\xEF\xBB\xBF"), 64), "\\x9b\\u202e\\ufeff");
  EXPECT_EQ(EscapeText(AsBytes("gr\xC3\xBC\xC3\x9F \xF0\x9F\x98\x80"), 64),
            "gr\xC3\xBC\xC3\x9F \xF0\x9F\x98\x80");
}

TEST(LogText, BytesThatAreNoUtf8AreEscaped) {
  EXPECT_EQ(EscapeText(AsBytes("\xFF\xC3"), 64), "\\xff\\xc3");
  EXPECT_EQ(EscapeText(AsBytes("\xC0\xAF"), 64), "\\xc0\\xaf");
  EXPECT_EQ(EscapeText(AsBytes("\xED\xA0\x80"), 64), "\\xed\\xa0\\x80");
  EXPECT_EQ(EscapeText(AsBytes("\xF4\x90\x80\x80"), 64), "\\xf4\\x90\\x80\\x80");
  EXPECT_EQ(EscapeText(AsBytes("\xE0\x80\xAF"), 64), "\\xe0\\x80\\xaf");
}

TEST(LogText, LongTextIsCutBetweenCharacters) {
  EXPECT_EQ(EscapeText(AsBytes("12345678"), 8), "12345678");
  EXPECT_EQ(EscapeText(AsBytes("123456789"), 8), "12345...");
  EXPECT_EQ(EscapeText(AsBytes("1234\xC3\xBC\xC3\xBC\xC3\xBC"), 8), "1234...");
}

TEST(LogText, Utf16IsReadWithItsSurrogates) {
  EXPECT_EQ(EscapeUtf16(Bytes{'a', 0, 0x3D, 0xD8, 0x00, 0xDE, 'b', 0}, 64),
            "a\xF0\x9F\x98\x80"
            "b");
  EXPECT_EQ(EscapeUtf16(Bytes{0x3D, 0xD8, 'b', 0}, 64), "\\ud83db");
  EXPECT_EQ(EscapeUtf16(Bytes{'a', 0, 0, 0, 'b', 0, 9}, 64), "a");
  EXPECT_EQ(TextOfUtf16(Bytes{'a', 0, 0xFC, 0, 0, 0}), "a\xC3\xBC");
  EXPECT_EQ(TextOfUtf16(Bytes{'a', 0, 0}), "a");
  EXPECT_EQ(TextOfUtf16(Bytes{'a', 0, 0, 0, 'b', 0, 0, 0}), "");
  EXPECT_EQ(TextOfUtf16(Bytes{'a', 0}), "");
  EXPECT_EQ(TextOfUtf16(Bytes{0, 0}), "");
}

TEST(EventTexts, SayWhatAnEventIsAbout) {
  const EventLog log = ParseGood(fakes::SecureBootLog());
  const auto text = [&](uint32_t index) { return EventText(log.events()[index]); };
  EXPECT_EQ(text(0), "Spec ID Event03");
  EXPECT_EQ(text(fakes::kSecureBootEvent), "SecureBoot = 01");
  EXPECT_EQ(text(fakes::kDbxEvent), "dbx, 124 bytes");
  EXPECT_EQ(text(fakes::kFence7Event), "00000000");
  EXPECT_EQ(text(fakes::kShimEvent), "\\EFI\\debian\\shimx64.efi");
  EXPECT_EQ(text(21), "grub_cmd: set timeout=5");
  EXPECT_EQ(text(24), "image");
  EXPECT_EQ(text(27), "Exit Boot Services Invocation");
}

TEST(EventTexts, PlainTextIsNoUtf16OfAnyLength) {
  EventLogBuilder builder;
  builder.AddText(8, EventType::kIpl, "grub_cmd: boot");
  builder.AddText(8, EventType::kIpl, std::string("grub_cmd: boot\0", 15));
  builder.AddText(8, EventType::kIpl, std::string("grub_cmd: boots\0", 16));
  builder.AddText(8, EventType::kIpl,
                  std::string("v\0"
                              "1\0"
                              "\0\0",
                              6));
  const EventLog log = ParseGood(builder);
  EXPECT_EQ(EventText(log.events()[1]), "grub_cmd: boot");
  EXPECT_EQ(EventText(log.events()[2]), "grub_cmd: boot");
  EXPECT_EQ(EventText(log.events()[3]), "grub_cmd: boots");
  EXPECT_EQ(EventText(log.events()[4]), "v1");
}

TEST(EventTexts, AreEscapedAndShort) {
  EventLogBuilder builder;
  builder.AddText(8, EventType::kIpl, "grub_cmd: \x1b[2J" + std::string(500, 'x'));
  builder.AddImage(4, std::string(3000, 'p'), "image");
  builder.AddVariable(fakes::kShimGuid, std::string(3000, 'v'), {});
  const EventLog log = ParseGood(builder);
  for (const Event& event : log.events()) {
    const std::string text = EventText(event);
    EXPECT_LE(text.size(), kMaxEventTextBytes);
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
  }
}

}  // namespace
}  // namespace plimsoll::eventlog
