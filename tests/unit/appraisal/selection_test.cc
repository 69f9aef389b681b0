#include "appraisal/selection.h"

#include <gtest/gtest.h>

#include "fakes/attested_node.h"

namespace plimsoll::appraisal {
namespace {

const std::string kBoot = "0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15";
const std::string kAll = kBoot + ",16,17,18,19,20,21,22,23";

std::shared_ptr<const policy::CompiledPolicy> Reading(const std::string& bank, size_t digest,
                                                      int index) {
  return fakes::AttestedNode::Apply(
             fmt::format(R"({{"metadata":{{"name":"p"}},"spec":{{"nodeSelector":{{}},)"
                         R"("pcrs":[{{"bank":"{}","index":{},"anyOf":["{}"]}}]}}}})",
                         bank, index, std::string(digest * 2, 'a')))
      .policy;
}

tcg::PcrSelection Offer(const std::string& text) { return fakes::AttestedNode::Selection(text); }

TEST(Selections, WithoutAPolicySha256IsAskedFor) {
  EXPECT_EQ(SelectPcrs({}, Offer("sha1:" + kAll + "+sha256:" + kAll + "+sha384:" + kAll)),
            Offer("sha256:" + kBoot + ",23"));
}

TEST(Selections, TheStrongestBankThatPoliciesReadIsAskedForAndWhateverElseTheyRead) {
  const auto offered = Offer("sha1:" + kAll + "+sha256:" + kAll + "+sha384:" + kAll);
  EXPECT_EQ(SelectPcrs({Reading("sha384", 48, 4)}, offered), Offer("sha384:" + kBoot + ",23"));
  EXPECT_EQ(SelectPcrs({Reading("sha256", 32, 17), Reading("sha1", 20, 3)}, offered),
            Offer("sha256:" + kBoot + ",17,23+sha1:3"));
}

TEST(Selections, OnlyWhatTheNodeOffersIsAskedFor) {
  EXPECT_EQ(SelectPcrs({Reading("sha256", 32, 20)}, Offer("sha256:0,1,2,7")),
            Offer("sha256:0,1,2,7"));
}

TEST(Selections, ANodeWithoutAWantedBankIsAskedForItsStrongest) {
  EXPECT_EQ(SelectPcrs({Reading("sha384", 48, 4)}, Offer("sha1:" + kAll + "+sha256:" + kAll)),
            Offer("sha256:" + kBoot));
  EXPECT_EQ(SelectPcrs({}, Offer("sha1:" + kAll)), Offer("sha1:" + kBoot));
}

TEST(Selections, NothingOfferedGivesNothing) {
  EXPECT_EQ(SelectPcrs({}, tcg::PcrSelection()).PcrCount(), 0U);
}

}  // namespace
}  // namespace plimsoll::appraisal
