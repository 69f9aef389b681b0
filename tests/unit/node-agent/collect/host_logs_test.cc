#include "node-agent/collect/host_logs.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "evidence/limits.h"

namespace plimsoll::collect {
namespace {

void AppendNumber(Bytes& out, uint32_t number) {
  for (int shift = 0; shift < 32; shift += 8) {
    out.push_back(static_cast<uint8_t>(number >> shift));
  }
}

// One entry as the kernel writes it; the old template has no length in front of its data.
Bytes Entry(const std::string& form, size_t data_size) {
  Bytes entry;
  AppendNumber(entry, 10);
  entry.insert(entry.end(), 20, 0xAB);
  AppendNumber(entry, static_cast<uint32_t>(form.size()));
  Append(entry, AsBytes(form));
  if (form == "ima") {
    entry.insert(entry.end(), 20, 0xCD);
  }
  AppendNumber(entry, static_cast<uint32_t>(data_size));
  entry.insert(entry.end(), data_size, 0xEF);
  return entry;
}

class HostLogs : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string path = (std::filesystem::temp_directory_path() / "plimsoll-logs-XXXXXX").string();
    ASSERT_NE(mkdtemp(path.data()), nullptr);
    folder_ = path;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string Write(const std::string& name, const Bytes& bytes) {
    const std::string path = folder_ / name;
    std::ofstream(path, std::ios::binary) << AsText(bytes);
    return path;
  }

  std::filesystem::path folder_;
};

TEST_F(HostLogs, AHostWithoutALogHasNone) {
  LogFiles files;
  files.boot_event_log = folder_ / "nothing";
  files.ima = "";
  const auto log = CollectBootEventLog(files);
  ASSERT_TRUE(log) << log.error().message;
  EXPECT_FALSE(log->has_value());
  const auto ima = ImaList::Collect(files);
  ASSERT_TRUE(ima) << ima.error().message;
  EXPECT_FALSE(ima->has_value());
  files.boot_event_log = Write("empty", {});
  EXPECT_FALSE(CollectBootEventLog(files)->has_value());
}

TEST_F(HostLogs, ALogIsReadWholeUpToWhatOneEvidenceHolds) {
  LogFiles files;
  Bytes log(evidence::kMaxBootEventLogBytes, 0x11);
  files.boot_event_log = Write("log", log);
  const auto read = CollectBootEventLog(files);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, log);
  log.push_back(0);
  files.boot_event_log = Write("long", log);
  EXPECT_EQ(CollectBootEventLog(files).error().code, ErrorCode::kTooLarge);
}

TEST_F(HostLogs, EntriesOfAllTemplatesAreCountedAndCutAtTheirEnds) {
  Bytes bytes = Entry("ima-ng", 60);
  Append(bytes, Entry("ima", 12));
  Append(bytes, Entry("ima-sig", 400));
  LogFiles files;
  files.ima = Write("ima", bytes);
  const auto list = ImaList::Collect(files);
  ASSERT_TRUE(list) << list.error().message;
  ASSERT_TRUE(*list);
  EXPECT_EQ((*list)->entries(), 3U);
  EXPECT_EQ((*list)->ChunkFrom(0).bytes, bytes);
  const ImaChunk rest = (*list)->ChunkFrom(1);
  EXPECT_EQ(rest.from, 1U);
  EXPECT_EQ(rest.entries, 2U);
  EXPECT_EQ(rest.bytes.size(), bytes.size() - Entry("ima-ng", 60).size());
  EXPECT_EQ((*list)->ChunkFrom(3).entries, 0U);
  EXPECT_EQ((*list)->ChunkFrom(99).entries, 0U);
}

TEST_F(HostLogs, WhatIsNoBinaryListIsRefused) {
  const Bytes good = Entry("ima-ng", 60);
  for (size_t size = 1; size < good.size(); ++size) {
    EXPECT_FALSE(ImaList::Parse(Bytes(good.begin(), good.begin() + static_cast<long>(size))))
        << size;
  }
  EXPECT_FALSE(ImaList::Parse(ToBytes(AsBytes("10 91f34b5c671d73504b274a919661cf80dab1e127\n"))));
}

TEST_F(HostLogs, AChunkHoldsNoMoreThanOneEvidence) {
  constexpr size_t kBig = 3 * 1024 * 1024;
  Bytes bytes;
  for (int i = 0; i < 4; ++i) {
    Append(bytes, Entry("ima-buf", kBig));
  }
  const auto list = ImaList::Parse(bytes);
  ASSERT_TRUE(list);
  const ImaChunk first = list->ChunkFrom(0);
  EXPECT_EQ(first.entries, 2U);
  EXPECT_LE(first.bytes.size(), evidence::kMaxImaBytes);
  EXPECT_EQ(list->ChunkFrom(2).entries, 2U);
}

}  // namespace
}  // namespace plimsoll::collect
