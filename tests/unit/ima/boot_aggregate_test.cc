#include "ima/boot_aggregate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/ima/list_builder.h"

namespace plimsoll::ima {
namespace {

using ::testing::HasSubstr;

// A PCR's value on the machine of these tests.
Bytes Pcr(AlgorithmId bank, uint32_t pcr) {
  return crypto::Digest(bank, {Text("machine"), Bytes{static_cast<uint8_t>(pcr)}});
}

Bytes AggregateOf(AlgorithmId hash, AlgorithmId bank, uint32_t last) {
  Bytes all;
  for (uint32_t pcr = 0; pcr <= last; ++pcr) {
    Append(all, Pcr(bank, pcr));
  }
  return crypto::Digest(hash, {all});
}

// Quotes PCR 0 to `last` of the banks.
QuotedPcr Quote(std::vector<AlgorithmId> banks, uint32_t last = 23) {
  auto values = std::make_shared<std::map<std::pair<AlgorithmId, uint32_t>, Bytes>>();
  for (const AlgorithmId bank : banks) {
    for (uint32_t pcr = 0; pcr <= last; ++pcr) {
      (*values)[{bank, pcr}] = Pcr(bank, pcr);
    }
  }
  return [values](AlgorithmId bank, uint32_t pcr) -> std::optional<ByteSpan> {
    const auto at = values->find({bank, pcr});
    return at == values->end() ? std::nullopt : std::optional<ByteSpan>(at->second);
  };
}

QuotedPcr QuoteAll() {
  return Quote({AlgorithmId::kSha1, AlgorithmId::kSha256, AlgorithmId::kSha384});
}

BootAggregate Check(const Made& made, const QuotedPcr& quoted) {
  const auto list = List::FromBinary(made.listed);
  EXPECT_TRUE(list);
  return CheckBootAggregate((*list)[0], quoted);
}

Made Entry(std::string_view algorithm, const Bytes& digest) {
  return MakeEntry("ima-ng", {DigestField(algorithm, digest), NameField("boot_aggregate")});
}

TEST(BootAggregate, I06_KnowsTheFormsThatKernelsUse) {
  const struct {
    AlgorithmId bank;
    uint32_t last;
  } forms[] = {{AlgorithmId::kSha1, 7},
               {AlgorithmId::kSha256, 7},
               {AlgorithmId::kSha256, 9},
               {AlgorithmId::kSha384, 7},
               {AlgorithmId::kSha384, 9}};
  for (const auto& form : forms) {
    const BootAggregate result = Check(
        Entry(tcg::BankName(form.bank), AggregateOf(form.bank, form.bank, form.last)), QuoteAll());
    EXPECT_EQ(result.verdict, BootAggregateVerdict::kMatches) << result.message;
    EXPECT_EQ(result.bank, form.bank);
    EXPECT_EQ(result.last_pcr, form.last);
  }
  EXPECT_EQ(Check(OldForm("boot_aggregate", AggregateOf(AlgorithmId::kSha1, AlgorithmId::kSha1, 7)),
                  QuoteAll())
                .verdict,
            BootAggregateVerdict::kMatches);
}

// E39: a list of another boot.
TEST(BootAggregate, I06_RefusesTheAggregateOfOtherPcrs) {
  for (const Bytes& digest :
       {Sha256("another boot"), AggregateOf(AlgorithmId::kSha256, AlgorithmId::kSha1, 7),
        AggregateOf(AlgorithmId::kSha256, AlgorithmId::kSha256, 8),
        AggregateOf(AlgorithmId::kSha256, AlgorithmId::kSha256, 10)}) {
    const BootAggregate result = Check(Entry("sha256", digest), QuoteAll());
    EXPECT_EQ(result.verdict, BootAggregateVerdict::kWrong);
    EXPECT_THAT(result.message, HasSubstr("another boot"));
  }
  EXPECT_EQ(Check(Entry("sha1", AggregateOf(AlgorithmId::kSha1, AlgorithmId::kSha1, 9)), QuoteAll())
                .verdict,
            BootAggregateVerdict::kWrong)
      << "no kernel takes PCR 9 into a SHA-1 aggregate";
}

TEST(BootAggregate, I06_RefusesZeros) {
  EXPECT_THAT(Check(Entry("sha256", Bytes(32)), QuoteAll()).message, HasSubstr("zero"));
  EXPECT_EQ(Check(Entry("sha256", Bytes(32)), Quote({})).verdict, BootAggregateVerdict::kWrong)
      << "whatever was quoted";
  EXPECT_EQ(Check(Entry("sm3", Bytes(32)), QuoteAll()).verdict, BootAggregateVerdict::kWrong);
  EXPECT_EQ(Check(ViolationOf("boot_aggregate"), QuoteAll()).verdict, BootAggregateVerdict::kWrong);
}

TEST(BootAggregate, I06_RefusesWhatIsNoBootAggregate) {
  const Bytes digest = AggregateOf(AlgorithmId::kSha256, AlgorithmId::kSha256, 9);
  for (const Made& made :
       {MakeEntry("ima-ng", {DigestField("sha256", digest), NameField("/boot_aggregate")}),
        MakeEntry("ima-ngv2", {DigestField("verity:sha256", digest), NameField("boot_aggregate")}),
        MakeEntry("ima-buf", {DigestField("sha256", digest), NameField("boot_aggregate"), {}})}) {
    EXPECT_EQ(Check(made, QuoteAll()).verdict, BootAggregateVerdict::kWrong);
  }
}

TEST(BootAggregate, I06_IsNotJudgedWithoutThePcrs) {
  const Made seven = Entry("sha256", AggregateOf(AlgorithmId::kSha256, AlgorithmId::kSha256, 7));
  const Made nine = Entry("sha256", AggregateOf(AlgorithmId::kSha256, AlgorithmId::kSha256, 9));
  EXPECT_EQ(Check(seven, Quote({AlgorithmId::kSha256}, 7)).verdict, BootAggregateVerdict::kMatches);
  EXPECT_EQ(Check(nine, Quote({AlgorithmId::kSha256}, 7)).verdict,
            BootAggregateVerdict::kNotJudged);
  EXPECT_EQ(Check(nine, Quote({AlgorithmId::kSha1})).verdict, BootAggregateVerdict::kNotJudged);
  EXPECT_THAT(Check(nine, Quote({})).message, HasSubstr("PCR 0 to 9"));
  EXPECT_EQ(Check(Entry("sm3", Bytes(32, 1)), QuoteAll()).verdict,
            BootAggregateVerdict::kNotJudged);
}

}  // namespace
}  // namespace plimsoll::ima
