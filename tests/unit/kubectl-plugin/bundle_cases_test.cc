#include "fakes/test_data.h"
#include "unit/kubectl-plugin/plugin_test.h"

// Bundles of real recordings, genuine and forged, and bundles of which something is wrong: the
// frame (exit 3) or the evidence (EvidenceMalformed).
namespace plimsoll::plugin {
namespace {

using fakes::MeasuredNode;
using fakes::ReadTestData;
using fakes::ReadTestText;
using testing::HasSubstr;

// The two integers of a DER ECDSA signature on P-256 (RFC 3279, 2.2.3), as a TPMT_SIGNATURE.
Bytes WrapDer(const Bytes& der) {
  size_t at = 2;
  const auto number = [&] {
    const size_t size = der.at(at + 1);
    Bytes value(der.begin() + static_cast<ptrdiff_t>(at + 2),
                der.begin() + static_cast<ptrdiff_t>(at + 2 + size));
    at += 2 + size;
    while (value.size() > 32 && value.front() == 0) {
      value.erase(value.begin());
    }
    return value;
  };
  const Bytes r = number();
  const Bytes s = number();
  return fakes::MarshalEcdsaSignature(0x0018, 0x000B, r, s);
}

class Recordings : public PluginTest {
 protected:
  Recordings() {
    const Bytes sized = ReadTestData("probes/ek.pub");
    evidence::BundleEndorsement endorsement;
    endorsement.public_area = Bytes(sized.begin() + 2, sized.end());
    frame_.node_name = "probe";
    frame_.node_uid = "6f0c1d3e-52a4-4a8b-9f57-0c7c6a3f2b11";
    frame_.attestation_key = ReadTestData("probes/ak.pub");
    frame_.endorsement = endorsement;
    const auto attest = tcg::Attest::Parse(ReadTestData("probes/n0"));
    frame_.expected = ToBytes(attest->extra_data());
    frame_.selection = attest->selection();
    evidence_.attest = ReadTestData("probes/n0");
    evidence_.signature = ReadTestData("probes/n0.sig");
    // PCR 0 of the recorded machine: one extension, by 32 bytes of 0xAA.
    pcr0_ = crypto::Digest(tcg::AlgorithmId::kSha256, {Bytes(32), Bytes(32, 0xAA)});
    SetPcrs();
  }

  void SetPcrs() {
    evidence_.pcrs.clear();
    for (const tcg::PcrBank& bank : frame_.selection.banks()) {
      for (const uint32_t index : bank.Indices()) {
        evidence_.pcrs.push_back({bank.hash, index, pcr0_});
      }
    }
  }

  Result Judge() const {
    const Json policy = Object(
        "AttestationPolicy",
        MeasuredNode::PcrPolicy({{{"bank", "sha256"}, {"index", 0}, {"anyOf", {ToHex(pcr0_)}}}}));
    return Verify(Write("bundle.json", evidence::EncodeBundle(frame_, evidence_)),
                  {WriteObjects("policy.yaml", {policy})});
  }

  void ExpectUntrusted(const std::string& reason) const {
    const Result result = Judge();
    EXPECT_EQ(result.code, kExitUntrusted) << result.out << result.err;
    EXPECT_EQ(result.json()["reason"], reason);
  }

  evidence::BundleFrame frame_;
  evidence::Evidence evidence_;
  Bytes pcr0_;
};

TEST_F(Recordings, TheGenuineQuotePasses) {
  const Result result = Judge();
  EXPECT_EQ(result.code, kExitTrusted) << result.out << result.err;
}

TEST_F(Recordings, Q14_AnotherValueIsNotWhatWasQuoted) {
  pcr0_[0] ^= 1U;
  SetPcrs();
  ExpectUntrusted("PCRDigestMismatch");
}

TEST_F(Recordings, Q05_AnotherNonceIsAMismatch) {
  std::get<Bytes>(frame_.expected).push_back(0);
  ExpectUntrusted("NonceMismatch");
}

TEST_F(Recordings, Q07_WithoutItsEkTheAkIsNoPrimaryOfTheEndorsementHierarchy) {
  frame_.endorsement.reset();
  ExpectUntrusted("NotAQuote");
}

TEST_F(Recordings, K01_AKeyThatIsNotRestrictedSignsWhatNoTpmMade) {
  evidence_.attest = ReadTestData("probes/forged");
  evidence_.signature = WrapDer(ReadTestData("probes/forged.sig"));
  ExpectUntrusted("SignatureInvalid");
  frame_.attestation_key = ReadTestText("probes/un.pem");
  const Result pem = Judge();
  EXPECT_EQ(pem.code, kExitUnknown) << pem.out << pem.err;
  EXPECT_EQ(pem.json()["reason"], "AttestationKeyUnproven");
}

TEST_F(Recordings, Q04_AnNvCertificationIsNoQuote) {
  evidence_.attest = ReadTestData("probes/nv.att");
  evidence_.signature = WrapDer(ReadTestData("probes/nv.sig"));
  ExpectUntrusted("NotAQuote");
}

TEST_F(Recordings, Q12_AQuoteOverABankThatIsNotAllocatedIsNotTheOneAsked) {
  evidence_.attest = ReadTestData("probes/m2");
  evidence_.signature = ReadTestData("probes/s2");
  const auto attest = tcg::Attest::Parse(evidence_.attest);
  frame_.expected = ToBytes(attest->extra_data());
  evidence_.pcrs.clear();
  frame_.selection = fakes::AttestedNode::Selection("sha384:0");
  ExpectUntrusted("SelectionMismatch");
}

TEST_F(Recordings, S03_AFlippedBitOfTheSignatureIsInvalid) {
  evidence_.signature.back() ^= 1U;
  ExpectUntrusted("SignatureInvalid");
}

// ---- the frame ----

class BundleFrames : public PluginTest {
 protected:
  BundleFrames() : good_(BundleJson(machine_)), policy_(WriteFullPolicy(machine_)) {}

  Result Judge(const Json& bundle) const { return Judge(bundle.dump()); }
  Result Judge(const std::string& text) const {
    return Verify(Write("bundle.json", text), {policy_});
  }

  MeasuredNode machine_;
  Json good_;
  std::string policy_;
};

TEST_F(BundleFrames, EveryMemberThatIsMissingIsUnusable) {
  ASSERT_EQ(Judge(good_).code, kExitTrusted);
  for (const char* const pointer : {"/apiVersion", "/kind", "/node", "/node/name", "/node/uid",
                                    "/attestationKey", "/attestationKey/public", "/expect",
                                    "/expect/nonce", "/expect/pcrSelection", "/evidence"}) {
    const Json::json_pointer path(pointer);
    Json bundle = good_;
    bundle[path.parent_pointer()].erase(path.back());
    const Result result = Judge(bundle);
    EXPECT_EQ(result.code, kExitUnusable) << pointer << result.out;
    EXPECT_EQ(result.out, "");
    EXPECT_THAT(result.err, HasSubstr("bundle.json"));
  }
}

TEST_F(BundleFrames, EveryMemberOfAnUnusableValueIsUnusable) {
  const std::vector<std::pair<const char*, Json>> wrong = {
      {"/apiVersion", "plimsoll.dev/v2"},
      {"/kind", "Bundle"},
      {"/node", "node-1"},
      {"/node/name", "Not A Name"},
      {"/node/uid", "a\nb"},
      {"/attestationKey/public", "%%%"},
      {"/attestationKey/public", 1},
      {"/endorsement", "x"},
      {"/endorsement", {{"public", "%%%"}}},
      {"/endorsement", {{"public", "AAAA"}}},
      {"/expect", Json::array()},
      {"/expect/nonce", "AAAA"},
      {"/expect/nonce", 7},
      {"/expect/qualifyingData", "00"},
      {"/expect/pcrSelection", "sha256:0"},
      {"/expect/pcrSelection/0/bank", "md5"},
  };
  for (const auto& [pointer, value] : wrong) {
    Json bundle = good_;
    bundle[Json::json_pointer(pointer)] = value;
    EXPECT_EQ(Judge(bundle).code, kExitUnusable) << pointer << " " << value;
  }
}

TEST_F(BundleFrames, AKeyThatIsThereTwiceOutsideOfTheEvidenceIsUnusable) {
  std::string text = good_.dump();
  text.insert(1, R"("kind":"EvidenceBundle",)");
  EXPECT_EQ(Judge(text).code, kExitUnusable);
  text = good_.dump();
  text.insert(text.find("\"uid\""), R"("uid":"x",)");
  EXPECT_EQ(Judge(text).code, kExitUnusable);
}

TEST_F(BundleFrames, UnknownMembersAreIgnored) {
  good_["comment"] = {{"by", "a newer agent"}};
  good_["evidence"]["more"] = 1;
  EXPECT_EQ(Judge(good_).code, kExitTrusted);
}

TEST_F(BundleFrames, APemKeyNeedsQualifyingData) {
  good_["attestationKey"]["public"] = machine_.node.tpm.ak().Pem();
  const Result result = Judge(good_);
  EXPECT_EQ(result.code, kExitUnusable);
  EXPECT_THAT(result.err, HasSubstr("qualifyingData"));
}

TEST_F(BundleFrames, K02_AKeyThatDecodesToNoAttestationKeyIsRejectedAndNotUnusable) {
  Bytes area = machine_.node.tpm.ak().MarshalPublic();
  area.push_back(0);
  good_["attestationKey"]["public"] = ToBase64(area);
  const Result result = Judge(good_);
  EXPECT_EQ(result.code, kExitUntrusted) << result.err;
  EXPECT_EQ(result.json()["reason"], "AttestationKeyRejected");
}

TEST_F(BundleFrames, WhateverIsWrongInTheEvidenceIsMalformedEvidence) {
  std::vector<std::pair<const char*, Json>> wrong = {
      {"/evidence", 7},
      {"/evidence", Json::array()},
      {"/evidence/quote", "x"},
      {"/evidence/quote/attest", "%%%"},
      {"/evidence/quote/attest", "AAAA"},
      {"/evidence/quote/signature", "AAAA"},
      {"/evidence/pcrs", "x"},
      {"/evidence/statement", 7},
      {"/evidence/statement", "AAAA"},
      {"/evidence/bootEventLog", 7},
      {"/evidence/ima", "%"},
  };
  for (const auto& [pointer, value] : wrong) {
    Json bundle = good_;
    bundle[Json::json_pointer(pointer)] = value;
    const Result result = Judge(bundle);
    EXPECT_EQ(result.code, kExitUntrusted) << pointer << " " << value << result.err;
    EXPECT_EQ(result.json()["verdict"], "Untrusted");
    EXPECT_EQ(result.json()["reason"], "EvidenceMalformed") << pointer << " " << value;
    EXPECT_EQ(result.json()["findings"].size(), 1U) << pointer;
    EXPECT_TRUE(result.json()["facts"].empty());
  }
  for (const char* const member : {"quote", "pcrs", "statement"}) {
    Json bundle = good_;
    bundle["evidence"].erase(member);
    EXPECT_EQ(Judge(bundle).json()["reason"], "EvidenceMalformed") << member;
  }
  std::string twice = good_.dump();
  twice.insert(twice.find("\"pcrs\""), R"("pcrs":[],)");
  EXPECT_EQ(Judge(twice).json()["reason"], "EvidenceMalformed");
}

}  // namespace
}  // namespace plimsoll::plugin
