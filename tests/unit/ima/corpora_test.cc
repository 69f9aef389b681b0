#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fakes/test_data.h"
#include "ima/boot_aggregate.h"
#include "ima/replay.h"
#include "unit/ima/list_builder.h"

namespace plimsoll::ima {
namespace {

using ::testing::HasSubstr;

std::string Replayed(std::string_view name, AlgorithmId bank, size_t entries) {
  const Bytes bytes = fakes::ReadTestData(name);
  const auto list = List::FromFile(bytes);
  if (!list) {
    return list.error().message;
  }
  EXPECT_EQ(list->size(), entries);
  const auto pcrs = ReplayAll(*list, bank);
  return pcrs ? ToHex(pcrs->at(10)) : pcrs.error().message;
}

TEST(RecordedLists, I01_ReplayInBothBanks) {
  EXPECT_EQ(Replayed("ima/ima-ng-826.ascii", AlgorithmId::kSha1, 826),
            "82231c67a69da98dc5b3aa10f6343d33109225fc");
  EXPECT_EQ(Replayed("ima/ima-ng-826.ascii", AlgorithmId::kSha256, 826),
            "c4a065637fc6a7c55f2811dd06cb45dd037133be2b3dc5c3e6fbe6bf061db724");
  EXPECT_EQ(Replayed("ima/openpower-ima-sig.ascii", AlgorithmId::kSha1, 3),
            "dff39e2db052e00d11f45770bb127c4053e14f32");
  EXPECT_EQ(Replayed("ima/openpower-ima-sig.ascii", AlgorithmId::kSha256, 3),
            "a5c115cd8f5541458408147536f632174d2b0a9f329e7c4ddea9a12642b4d74b");
  EXPECT_EQ(Replayed("ima/made-sha256.ascii", AlgorithmId::kSha256, 2),
            "8dcd5e7eb63e363377ec19b0d358601ccc19f25a30486f35784c5288dbb91d9d");
}

TEST(RecordedLists, I01_HaveTheTemplateHashesOfTheirData) {
  for (const std::string_view name :
       {"ima/ima-ng-one-entry.bin", "ima/signed-sha1.ascii", "ima/keyring-ima-buf.ascii"}) {
    const Bytes bytes = fakes::ReadTestData(name);
    const auto list = List::FromFile(bytes);
    ASSERT_TRUE(list) << name << ": " << list.error().message;
    EXPECT_TRUE(ReplayAll(*list, AlgorithmId::kSha256)) << name;
  }
}

TEST(RecordedLists, I03_AreRefusedWithAnAlgorithmThatIsNotKnown) {
  EXPECT_THAT(Replayed("ima/made-unknown.ascii", AlgorithmId::kSha1, 0),
              HasSubstr("template hash of 32 bytes"));
  EXPECT_THAT(Replayed("ima/made-sm3_256.ascii", AlgorithmId::kSha1, 0),
              HasSubstr("template hash of 32 bytes"));
}

TEST(RecordedLists, I04_TakeAZeroTemplateHashForAViolation) {
  for (const std::string_view name :
       {"ima/made-sha1.ascii", "ima/made-sha384.ascii", "ima/made-sha512.ascii"}) {
    const Bytes bytes = fakes::ReadTestData(name);
    const auto list = List::FromFile(bytes);
    ASSERT_TRUE(list) << name << ": " << list.error().message;
    EXPECT_TRUE((*list)[0].violation);
    EXPECT_FALSE((*list)[1].violation);
    EXPECT_TRUE(ReplayAll(*list, AlgorithmId::kSha256));
  }
}

TEST(RecordedLists, I06_ShowTheirBootAggregate) {
  const Bytes zero = fakes::ReadTestData("ima/ima-ng-826.ascii");
  const auto list = List::FromFile(zero);
  ASSERT_TRUE(list);
  const QuotedPcr nothing = [](AlgorithmId, uint32_t) { return std::nullopt; };
  EXPECT_EQ(CheckBootAggregate((*list)[0], nothing).verdict, BootAggregateVerdict::kWrong);

  const Bytes one = fakes::ReadTestData("ima/ima-ng-one-entry.bin");
  const auto binary = List::FromFile(one);
  ASSERT_TRUE(binary);
  ASSERT_EQ(binary->size(), 1U);
  EXPECT_EQ(ToHex(*Summarize(*binary).boot_aggregate), "c199b06527b6805c457f1e155a96e1d7ed990afb");
}

TEST(RecordedLists, I12_TellABufferFromAFile) {
  const Bytes bytes = fakes::ReadTestData("ima/keyring-ima-buf.ascii");
  const auto list = List::FromFile(bytes);
  ASSERT_TRUE(list);
  const Entry entry = (*list)[0];
  EXPECT_EQ(entry.form, Template::kImaBuf);
  EXPECT_EQ(entry.path, ".ima");
  EXPECT_EQ(crypto::Digest(AlgorithmId::kSha256, {entry.buffer}), ToBytes(entry.digest.value));
}

}  // namespace
}  // namespace plimsoll::ima
