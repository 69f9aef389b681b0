#include "appraisal/boot_archive.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "eventlog/event_log.h"
#include "eventlog/replay.h"
#include "fakes/measured_node.h"
#include "fakes/test_data.h"

namespace plimsoll::appraisal {
namespace {

// What each recorded log proves beside a quote that it explains.
std::vector<BootEvidence> RecordedBoots() {
  std::vector<BootEvidence> boots;
  for (const auto& file :
       std::filesystem::directory_iterator(PLIMSOLL_SOURCE_DIR "/tests/data/event-logs")) {
    const std::string name = file.path().filename();
    if (name.ends_with(".json") || name.ends_with(".md")) {
      continue;
    }
    evidence::Evidence evidence;
    evidence.boot_event_log = fakes::ReadTestData("event-logs/" + name);
    const auto log = eventlog::EventLog::Parse(*evidence.boot_event_log);
    if (!log) {
      ADD_FAILURE() << name;
      continue;
    }
    for (const tcg::AlgorithmId bank : {tcg::AlgorithmId::kSha1, tcg::AlgorithmId::kSha256}) {
      const eventlog::Replay replay = eventlog::ReplayBank(*log, bank);
      for (uint32_t pcr = 0; pcr < replay.pcrs.size(); ++pcr) {
        if (replay.pcrs[pcr]) {
          evidence.pcrs.push_back({bank, pcr, *replay.pcrs[pcr]});
        }
      }
    }
    Findings findings;
    boots.push_back(JudgeBootLog(evidence, std::nullopt, findings));
  }
  return boots;
}

bool Same(const BootEvidence& a, const BootEvidence& b) {
  return a.state == b.state && a.detail == b.detail && a.sha256 == b.sha256 && a.bank == b.bank &&
         a.facts == b.facts && a.banks.size() == b.banks.size() &&
         std::equal(a.banks.begin(), a.banks.end(), b.banks.begin(),
                    [](const BankReplay& x, const BankReplay& y) {
                      return x.bank == y.bank && x.declared == y.declared && x.usable == y.usable &&
                             x.quoted == y.quoted && x.explained == y.explained &&
                             x.differing == y.differing && x.replayed == y.replayed;
                    });
}

TEST(BootArchive, GivesBackWhatEveryRecordedLogProved) {
  const auto boots = RecordedBoots();
  ASSERT_GE(boots.size(), 20U);
  size_t with_facts = 0;
  for (const BootEvidence& boot : boots) {
    const Bytes archive = ArchiveBootEvidence(boot);
    EXPECT_LE(archive.size(), kMaxBootArchiveBytes);
    const auto read = ReadBootArchive(archive);
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_TRUE(Same(boot, *read));
    with_facts += boot.facts ? 1 : 0;
  }
  EXPECT_GE(with_facts, 15U);
}

TEST(BootArchive, RefusesWhatEndsEarlyOrGoesOn) {
  fakes::MeasuredNode machine;
  Findings findings;
  const evidence::Evidence evidence = machine.Evidence();
  const BootEvidence boot = JudgeBootLog(evidence, std::nullopt, findings);
  Bytes archive = ArchiveBootEvidence(boot);
  for (size_t size = 0; size < archive.size(); ++size) {
    EXPECT_FALSE(ReadBootArchive(ByteSpan(archive).first(size))) << size;
  }
  archive.push_back(0);
  EXPECT_FALSE(ReadBootArchive(archive));
}

TEST(BootArchive, RefusesAnotherVersionAndHugeCounts) {
  Bytes archive = ArchiveBootEvidence({});
  archive[0] = 2;
  EXPECT_FALSE(ReadBootArchive(archive));
  // A list of 2^60 banks in a dozen bytes.
  const Bytes huge = {1, 0, 0, 0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10};
  EXPECT_FALSE(ReadBootArchive(huge));
  EXPECT_EQ(ReadBootArchive(Bytes(kMaxBootArchiveBytes + 1)).error().code, ErrorCode::kTooLarge);
}

TEST(BootArchive, ChangingAnyByteNeverCrashes) {
  fakes::MeasuredNode machine;
  Findings findings;
  const Bytes archive =
      ArchiveBootEvidence(JudgeBootLog(machine.Evidence(), std::nullopt, findings));
  size_t readable = 0;
  for (size_t at = 0; at < archive.size(); ++at) {
    for (const int value : {0x00, 0x01, 0x7F, 0x80, 0xFF}) {
      Bytes changed = archive;
      changed[at] = static_cast<uint8_t>(value);
      readable += ReadBootArchive(changed) ? 1 : 0;
    }
  }
  EXPECT_GT(readable, 0U) << "a changed digest is still a digest";
}

}  // namespace
}  // namespace plimsoll::appraisal
