#include "policy/endorsement_authority.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "fakes/software_ca.h"
#include "fakes/test_data.h"

namespace plimsoll::policy {
namespace {

using fakes::CertificateFields;
using fakes::CertificateNow;
using fakes::PemBlock;
using fakes::SoftwareCa;
using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

const json kConfigMapRef = {{"namespace", "plimsoll-system"}, {"name", "vendors"}, {"key", "ca"}};
const AuthorityReference kConfigMap{.kind = AuthorityReference::Kind::kConfigMap,
                                    .namespace_name = "plimsoll-system",
                                    .name = "vendors",
                                    .key = "ca"};

// A maker whose TPMs the authority "vendors" answers for.
class EndorsementAuthoritySpec : public testing::Test {
 protected:
  static CertificateFields CaThatLists() {
    CertificateFields fields = CertificateFields::Ca("root");
    fields.Set("keyUsage", "critical,keyCertSign,cRLSign");
    return fields;
  }

  EndorsementAuthority Parse(const ReferencedTexts& texts = {}) const {
    return Parse(object_, texts);
  }

  static EndorsementAuthority Parse(const json& object, const ReferencedTexts& texts) {
    auto authority = EndorsementAuthority::Parse(object.dump(), texts);
    EXPECT_TRUE(authority) << authority.error().message;
    return *std::move(authority);
  }

  // The problem, which must leave the authority without any root.
  std::string ProblemWith(const char* field, const json& value) const {
    json object = object_;
    object[json::json_pointer(field)] = value;
    const EndorsementAuthority authority = Parse(object, {});
    EXPECT_FALSE(authority.roots.has_value()) << field;
    EXPECT_FALSE(authority.Verify(Certificate(), {}, CertificateNow())) << field;
    return authority.problem;
  }

  crypto::EndorsementCertificate Certificate(const CertificateFields& fields = good_) const {
    return crypto::EndorsementCertificate::Parse(root_.Issue(fields, key_)).value();
  }

  crypto::EndorsementVerdict Judge(const CertificateFields& fields = good_) const {
    const EndorsementAuthority authority = Parse();
    EXPECT_EQ(authority.problem, "");
    return authority.Verify(Certificate(fields), {}, CertificateNow()).value();
  }

  static inline const CertificateFields good_ =
      CertificateFields::Endorsement(tcg::AlgorithmId::kEcc);
  const SoftwareCa root_{CaThatLists()};
  const fakes::SoftwareKey key_{fakes::KeyTemplate::AkP256()};
  json object_ = {{"apiVersion", "plimsoll.dev/v1alpha1"},
                  {"kind", "EndorsementAuthority"},
                  {"metadata", {{"name", "vendors"}, {"uid", "u"}, {"generation", 2}}},
                  {"spec", {{"bundles", {{{"inline", root_.Pem()}}}}}}};
  json& spec_ = object_["spec"];
};

TEST_F(EndorsementAuthoritySpec, DefaultsAreThoseOfTheApi) {
  const EndorsementAuthority authority = Parse();
  EXPECT_EQ(authority.problem, "");
  EXPECT_EQ(authority.roots->anchor_count(), 1U);
  EXPECT_TRUE(authority.rules.chain.enforce_validity);
  EXPECT_TRUE(authority.rules.chain.require_extended_key_usage);
  EXPECT_TRUE(authority.rules.allowed_manufacturers.empty());
  EXPECT_TRUE(authority.rules.denied.empty());
  EXPECT_FALSE(authority.rules.revocation.has_value());
  EXPECT_TRUE(Judge().accepted);
}

TEST_F(EndorsementAuthoritySpec, BundlesAreAddedUp) {
  spec_["bundles"].push_back({{"inline", SoftwareCa(CaThatLists()).Pem()}});
  spec_["bundles"].push_back({{"builtin", "TPMVendors"}});
  const EndorsementAuthority authority = Parse();
  EXPECT_EQ(authority.problem, "");
  EXPECT_EQ(authority.roots->anchor_count(), 45U);
}

TEST_F(EndorsementAuthoritySpec, TheBuiltInBundleAnswersForRealCertificates) {
  spec_["bundles"] = {{{"builtin", "TPMVendors"}}};
  const auto real =
      crypto::EndorsementCertificate::Parse(fakes::ReadTestData("endorsement/st-ecc-p256.der"));
  const EndorsementAuthority authority = Parse();
  EXPECT_TRUE(authority.Verify(*real, {}, CertificateNow())->accepted);
  EXPECT_FALSE(authority.Verify(Certificate(), {}, CertificateNow())->accepted);
}

TEST_F(EndorsementAuthoritySpec, ABundleHasExactlyOneSource) {
  EXPECT_THAT(ProblemWith("/spec/bundles/0", json::object()), HasSubstr("0 sources"));
  EXPECT_THAT(ProblemWith("/spec/bundles/0/builtin", "TPMVendors"), HasSubstr("2 sources"));
  EXPECT_THAT(ProblemWith("/spec/bundles/0/configMapKeyRef", kConfigMapRef),
              HasSubstr("2 sources"));
  EXPECT_THAT(ProblemWith("/spec/bundles/0", {{"builtin", "Everybody"}}),
              HasSubstr("spec.bundles[0].builtin: not TPMVendors"));
  EXPECT_THAT(ProblemWith("/spec/bundles", json::array()), HasSubstr("spec.bundles: empty"));
  EXPECT_THAT(ProblemWith("/spec/bundles/0/inline", "no certificate"),
              HasSubstr("no certificate to trust"));
  EXPECT_THAT(ProblemWith("/spec/bundles/0/path", "/etc/ca"), HasSubstr("spec.bundles[0].path"));
}

TEST_F(EndorsementAuthoritySpec, AReferenceAdmitsNobodyUntilItHasBeenRead) {
  EXPECT_EQ(ProblemWith("/spec/bundles/0", {{"configMapKeyRef", kConfigMapRef}}),
            "spec.bundles[0].configMapKeyRef: ConfigMap plimsoll-system/vendors, key ca has not "
            "been read");
  EXPECT_EQ(ProblemWith("/spec/bundles/0", {{"clusterTrustBundleRef", {{"name", "tpm"}}}}),
            "spec.bundles[0].clusterTrustBundleRef: ClusterTrustBundle tpm has not been read");
  spec_["bundles"] = {{{"configMapKeyRef", kConfigMapRef}}};
  EXPECT_THAT(Parse().references, ElementsAre(kConfigMap));
  const EndorsementAuthority authority = Parse({{kConfigMap, root_.Pem()}});
  EXPECT_EQ(authority.problem, "");
  EXPECT_THAT(authority.references, ElementsAre(kConfigMap));
  EXPECT_TRUE(authority.Verify(Certificate(), {}, CertificateNow())->accepted);
  EXPECT_THAT(ProblemWith("/spec/bundles/0/configMapKeyRef/key", nullptr),
              HasSubstr("configMapKeyRef.key: missing"));
  EXPECT_THAT(ProblemWith("/spec/bundles/0", {{"clusterTrustBundleRef", json::object()}}),
              HasSubstr("clusterTrustBundleRef.name: missing"));
}

TEST_F(EndorsementAuthoritySpec, C5_C8_ModesAreObeyed) {
  CertificateFields fields = good_;
  fields.not_after_days = 10;
  EXPECT_EQ(Judge(fields).check, "C8");
  spec_["validity"] = "IgnoreExpiry";
  EXPECT_TRUE(Judge(fields).accepted);
  fields.Set("extendedKeyUsage", "");
  EXPECT_EQ(Judge(fields).check, "C5");
  spec_["extendedKeyUsage"] = "Optional";
  EXPECT_TRUE(Judge(fields).accepted);
}

TEST_F(EndorsementAuthoritySpec, C11_AllowedManufacturersAreObeyed) {
  spec_["allowedManufacturers"] = {"STM", "ifx"};
  EXPECT_TRUE(Judge().accepted);
  spec_["allowedManufacturers"] = {"STM"};
  EXPECT_EQ(Judge().check, "C11");
  EXPECT_THAT(ProblemWith("/spec/allowedManufacturers", {"A B"}), HasSubstr("is no TCG vendor id"));
  EXPECT_NE(ProblemWith("/spec/allowedManufacturers", "IFX"), "");
}

TEST_F(EndorsementAuthoritySpec, C11_DenialsAreObeyed) {
  // As api.md shows it: empty texts are absent.
  spec_["denied"] = {{{"manufacturer", "IFX"},
                      {"model", ""},
                      {"firmwareFrom", ""},
                      {"firmwareTo", "15.23"},
                      {"reason", "recalled"}}};
  EXPECT_EQ(Judge().reason,
            "TPMs of IFX, model SLB 9672, firmware 15.23 (id:0F17) are denied: recalled");
  spec_["denied"][0]["firmwareTo"] = "15.22";
  EXPECT_TRUE(Judge().accepted);
  EXPECT_EQ(ProblemWith("/spec/denied/0", json::object()),
            "spec.denied[0]: neither a manufacturer nor a model");
  EXPECT_THAT(ProblemWith("/spec/denied/0/firmwareTo", "new"),
              HasSubstr("spec.denied[0]: firmwareTo"));
  EXPECT_THAT(ProblemWith("/spec/denied/0/serial", "5"), HasSubstr("spec.denied[0].serial"));
  EXPECT_NE(ProblemWith("/spec/denied", json(std::vector<json>(65, spec_["denied"][0]))), "");
}

TEST_F(EndorsementAuthoritySpec, E19_C10_RevocationIsObeyed) {
  const auto list = [this](const char* serial) {
    return PemBlock("X509 CRL", root_.IssueRevocationList({.serials_hex = {serial}}));
  };
  spec_["revocation"] = {{"mode", "Required"}, {"lists", {{{"inline", list("02")}}}}};
  EXPECT_TRUE(Judge().accepted);
  spec_["revocation"]["lists"][0]["inline"] = list("01");
  EXPECT_EQ(Judge().check, "C10");
  spec_["revocation"]["lists"][0]["inline"] =
      PemBlock("X509 CRL", SoftwareCa(CertificateFields::Ca("other")).IssueRevocationList({}));
  EXPECT_THAT(Judge().reason, HasSubstr("there is no revocation list of CN=root"));
  spec_["revocation"]["mode"] = "Ignored";
  EXPECT_TRUE(Judge().accepted);
  spec_["revocation"] = json::object();
  EXPECT_TRUE(Judge().accepted);
}

TEST_F(EndorsementAuthoritySpec, C10_RevocationWithoutUsableListsAdmitsNobody) {
  EXPECT_THAT(ProblemWith("/spec/revocation", {{"mode", "Required"}}),
              HasSubstr("spec.revocation.lists: empty, and mode is Required"));
  EXPECT_THAT(ProblemWith("/spec/revocation",
                          {{"mode", "Required"}, {"lists", {{{"inline", root_.Pem()}}}}}),
              HasSubstr("spec.revocation.lists: PEM block 1 is not a revocation list"));
  EXPECT_THAT(ProblemWith("/spec/revocation", {{"mode", "Required"},
                                               {"lists", {{{"configMapKeyRef", kConfigMapRef}}}}}),
              HasSubstr("spec.revocation.lists[0].configMapKeyRef: ConfigMap"));
  EXPECT_THAT(ProblemWith("/spec/revocation",
                          {{"mode", "Required"}, {"lists", {{{"builtin", "TPMVendors"}}}}}),
              HasSubstr("0 sources"));
  EXPECT_THAT(ProblemWith("/spec/revocation/mode", "Sometimes"), HasSubstr("spec.revocation.mode"));
}

TEST_F(EndorsementAuthoritySpec, C10_AListOfAConfigMapMayBeDer) {
  spec_["revocation"] = {{"mode", "Required"}, {"lists", {{{"configMapKeyRef", kConfigMapRef}}}}};
  const Bytes list = root_.IssueRevocationList({.serials_hex = {"01"}});
  const EndorsementAuthority authority = Parse({{kConfigMap, std::string(AsText(list))}});
  EXPECT_EQ(authority.problem, "");
  EXPECT_EQ(authority.Verify(Certificate(), {}, CertificateNow())->check, "C10");
}

TEST_F(EndorsementAuthoritySpec, WhatCannotBeObeyedToTheLetterIsAProblem) {
  EXPECT_EQ(ProblemWith("/spec", nullptr), "spec: missing");
  EXPECT_NE(ProblemWith("/spec/validity", "Lax"), "");
  EXPECT_NE(ProblemWith("/spec/extendedKeyUsage", true), "");
  EXPECT_NE(ProblemWith("/spec/minimumFirmware", json::array()), "");
  EXPECT_EQ(Parse().unknown_field, "");
  object_["spec"]["denied"] = {{{"manufacturer", "IFX"}, {"serial", "5"}}};
  EXPECT_EQ(Parse().unknown_field, "spec.denied[0].serial");
}

}  // namespace
}  // namespace plimsoll::policy
