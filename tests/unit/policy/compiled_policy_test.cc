#include "policy/compiled_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <nlohmann/json.hpp>

#include "crypto/serving_authority.h"

namespace plimsoll::policy {
namespace {

using nlohmann::json;
using testing::HasSubstr;

// Any CA will do as an anchor.
std::string RootPem() {
  const auto root = crypto::ServingAuthority::Create(std::chrono::system_clock::now());
  EXPECT_TRUE(root.has_value());
  return root->certificate_pem();
}

json AuthorityObject(const std::string& pem) {
  return {{"apiVersion", "plimsoll.dev/v1alpha1"},
          {"kind", "EndorsementAuthority"},
          {"metadata", {{"name", "vendors"}, {"uid", "u"}, {"generation", 2}}},
          {"spec", {{"bundles", {{{"inline", pem}}}}}}};
}

EndorsementAuthority ParseAuthority(const json& object) {
  auto authority = EndorsementAuthority::Parse(object.dump());
  EXPECT_TRUE(authority.has_value());
  return authority ? *std::move(authority) : EndorsementAuthority();
}

class CompiledPolicies : public testing::Test {
 protected:
  CompiledPolicy Compile(const std::string& spec) {
    auto policy = AttestationPolicy::Parse(
        R"({"metadata":{"name":"p"},"spec":{"mode":"Enforce","nodeSelector":{"matchLabels":{"a":"b"}},)" +
        spec + "}}");
    EXPECT_TRUE(policy.has_value());
    return CompiledPolicy::Compile(*policy, {.authorities = authorities_});
  }

  void Add(const json& object) {
    authorities_["vendors"] = std::make_shared<const EndorsementAuthority>(ParseAuthority(object));
  }

  static std::string Pcrs() {
    return R"("pcrs":[{"bank":"sha256","index":0,"anyOf":[")" + std::string(64, 'a') + R"("]}])";
  }
  static std::string ByCertificate(const std::string& refs) {
    return R"("identity":{"admission":"EndorsementCertificate","endorsementAuthorityRefs":)" +
           refs + "}," + Pcrs();
  }

  Authorities authorities_;
};

TEST_F(CompiledPolicies, AMeasurementMakesAPolicyReady) {
  const CompiledPolicy policy = Compile(Pcrs());
  EXPECT_TRUE(policy.ready()) << policy.problem();
  EXPECT_EQ(policy.mode(), Mode::kEnforce);
  EXPECT_TRUE(policy.Selects({{"a", "b"}}));
  EXPECT_FALSE(policy.Selects({}));
}

TEST_F(CompiledPolicies, WithoutAMeasurementAPolicyIsNotReady) {
  EXPECT_THAT(Compile(R"("pcrs":[])").problem(), HasSubstr("no measurement"));
  EXPECT_FALSE(Compile(R"("tpm":{"clockSafe":"Require"})").ready());
}

TEST_F(CompiledPolicies, AProblemOfTheSpecIsNotReadyButStillSelects) {
  const CompiledPolicy policy = Compile(Pcrs() + R"(,"boots":{})");
  EXPECT_THAT(policy.problem(), HasSubstr("spec.boot"));
  EXPECT_TRUE(policy.Selects({{"a", "b"}}));
}

TEST_F(CompiledPolicies, NamedAuthoritiesMustExistAndBeReadable) {
  EXPECT_FALSE(Compile(ByCertificate("[]")).ready());
  EXPECT_THAT(Compile(ByCertificate(R"(["vendors"])")).problem(), HasSubstr("does not exist"));
  Add(AuthorityObject("broken"));
  EXPECT_THAT(Compile(ByCertificate(R"(["vendors"])")).problem(), HasSubstr("bundles"));
  Add(AuthorityObject(RootPem()));
  EXPECT_TRUE(Compile(ByCertificate(R"(["vendors"])")).ready());
  EXPECT_FALSE(Compile(ByCertificate(R"(["vendors","others"])")).ready());
}

TEST_F(CompiledPolicies, WhereAPersonDecidesAuthoritiesAreNotLookedAt) {
  EXPECT_TRUE(Compile(R"("identity":{"endorsementAuthorityRefs":["nobody"]},)" + Pcrs()).ready());
}

}  // namespace
}  // namespace plimsoll::policy
