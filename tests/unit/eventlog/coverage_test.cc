#include "eventlog/coverage.h"

#include <gtest/gtest.h>

#include "read_log.h"

// L3 and the table of what digests cover.
namespace plimsoll::eventlog {
namespace {

using fakes::EventLogBuilder;

// The coverage of the only event of a log.
Coverage Of(const EventLogBuilder& builder) {
  const EventLog log = ParseGood(builder);
  return CoverageOf(log, log.events()[1], kSha256);
}

EventLogBuilder One(EventType type, ByteSpan data, ByteSpan hashed) {
  EventLogBuilder builder;
  builder.Add(4, type, data, hashed);
  return builder;
}

Coverage Whole(size_t length) { return {Coverage::Kind::kWhole, 0, length}; }
Coverage Part(size_t offset, size_t length) { return {Coverage::Kind::kPart, offset, length}; }

TEST(CoverageChecks, L03_DataIsCoveredOnlyByItsOwnDigest) {
  const Bytes data = {1, 2, 3, 4};
  for (const EventType type :
       {EventType::kSeparator, EventType::kEfiVariableDriverConfig, EventType::kEfiAction,
        EventType::kEfiGptEvent, EventType::kEfiVariableAuthority, EventType::kEfiVariableBoot,
        EventType::kSCrtmVersion, EventType::kEventTag, EventType::kPostCode, EventType::kIpl,
        EventType{0x8401}}) {
    EXPECT_EQ(Of(One(type, data, data)), Whole(4)) << EventTypeName(type);
    EXPECT_EQ(Of(One(type, data, AsBytes("another"))), Coverage{}) << EventTypeName(type);
  }
}

TEST(CoverageChecks, L03_ImagesAndNoActionAreNeverCovered) {
  const Bytes data = {1, 2, 3, 4};
  for (const EventType type :
       {EventType::kEfiBootServicesApplication, EventType::kEfiBootServicesDriver,
        EventType::kEfiRuntimeServicesDriver, EventType::kNoAction}) {
    EXPECT_EQ(Of(One(type, data, data)), Coverage{}) << EventTypeName(type);
  }
}

TEST(CoverageChecks, L03_GrubHashesTheTextBehindItsLabel) {
  for (const std::string_view label : {"grub_cmd: ", "kernel_cmdline: ", "module_cmdline: ",
                                       "grub_cmd ", "grub_kernel_cmdline "}) {
    EventLogBuilder builder;
    builder.AddGrub(label, "set timeout=5");
    EXPECT_EQ(Of(builder), Part(label.size(), 13)) << label;
    const EventLog log = ParseGood(builder);
    EXPECT_EQ(AsText(CoverageOf(log, log.events()[1], kSha256).Of(log.events()[1])),
              "set timeout=5");
  }
}

TEST(CoverageChecks, L03_OldGrubHashesTheNulToo) {
  const std::string_view data("grub_cmd set x\0", 15);
  EXPECT_EQ(Of(One(EventType::kIpl, AsBytes(data), AsBytes(data.substr(9)))), Part(9, 6));
}

TEST(CoverageChecks, L03_AnotherLabelCoversNothing) {
  const std::string_view data("my_cmd: set x\0", 14);
  EXPECT_EQ(Of(One(EventType::kIpl, AsBytes(data), AsBytes("set x"))), Coverage{});
}

TEST(CoverageChecks, L03_TextMayBeHashedWithoutItsNul) {
  const std::string_view data("text\0", 5);
  EXPECT_EQ(Of(One(EventType::kIpl, AsBytes(data), AsBytes("text"))), Part(0, 4));
}

TEST(CoverageChecks, L03_OldSystemdBootLogsOneByteLessThanItHashes) {
  Bytes hashed = fakes::Utf16("ro quiet");
  Append(hashed, Bytes{0, 0});
  const ByteSpan logged = ByteSpan(hashed).first(hashed.size() - 1);
  EXPECT_EQ(Of(One(EventType::kIpl, logged, hashed)), Whole(logged.size()));
  EXPECT_EQ(Of(One(EventType::kAction, logged, hashed)), Coverage{});
}

TEST(CoverageChecks, L03_TheDigestOfNothingCoversNoPartOfData) {
  const std::string_view file("/empty.cfg\0", 11);
  EXPECT_EQ(Of(One(EventType::kIpl, AsBytes(file), {})), Coverage{});
  EXPECT_EQ(Of(One(EventType::kIpl, AsBytes("grub_cmd: "), {})), Coverage{});
  EXPECT_EQ(Of(One(EventType::kIpl, AsBytes(std::string_view("\0", 1)), {})), Coverage{});
  EXPECT_EQ(Of(One(EventType::kEfiVariableAuthority, Bytes{1}, {})), Coverage{});
  EXPECT_EQ(Of(One(EventType::kEventTag, Bytes(8), {})), Coverage{});
  EXPECT_EQ(Of(One(EventType::kEfiVariableBoot,
                   fakes::VariableData(fakes::kGlobalGuid, "Boot0000", {}), {})),
            Coverage{});
}

TEST(CoverageChecks, L03_BootVariablesAreHashedWholeOrWithoutTheirName) {
  const Bytes contents = {9, 8, 7};
  const Bytes data = fakes::VariableData(fakes::kGlobalGuid, "Boot0001", contents);
  EXPECT_EQ(Of(One(EventType::kEfiVariableBoot, data, contents)), Part(data.size() - 3, 3));
  EXPECT_EQ(Of(One(EventType::kEfiVariableBoot, data, data)), Whole(data.size()));
  // Other variables have no such rule: their name must be covered.
  EXPECT_EQ(Of(One(EventType::kEfiVariableDriverConfig, data, contents)), Coverage{});
  EXPECT_EQ(Of(One(EventType::kEfiVariableAuthority, data, contents)), Coverage{});
}

TEST(CoverageChecks, L03_AuthoritiesMayBeHashedWithoutTheLastByte) {
  const Bytes data = fakes::VariableData(fakes::kShimGuid, "Shim", Bytes(40, 3));
  EXPECT_EQ(Of(One(EventType::kEfiVariableAuthority, data, ByteSpan(data).first(data.size() - 1))),
            Part(0, data.size() - 1));
  EXPECT_EQ(
      Of(One(EventType::kEfiVariableDriverConfig, data, ByteSpan(data).first(data.size() - 1))),
      Coverage{});
}

TEST(CoverageChecks, L03_TagsMayBeHashedWithoutTagAndSize) {
  Bytes data = {1, 0, 0, 0, 3, 0, 0, 0};
  Append(data, AsBytes("abc"));
  EXPECT_EQ(Of(One(EventType::kEventTag, data, AsBytes("abc"))), Part(8, 3));
}

TEST(CoverageChecks, ABankWithoutTheDigestCoversNothing) {
  const EventLog log = ParseGood(One(EventType::kEfiAction, AsBytes("a"), AsBytes("a")));
  EXPECT_EQ(CoverageOf(log, log.events()[1], tcg::AlgorithmId::kSha384), Coverage{});
}

}  // namespace
}  // namespace plimsoll::eventlog
