#include "evidence/bundle.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/encoding.h"
#include "evidence/evidence_json.h"
#include "evidence/json_reader.h"
#include "evidence/json_writer.h"
#include "evidence/limits.h"

namespace plimsoll::evidence {
namespace {

constexpr std::string_view kApiVersion = "plimsoll.dev/v1alpha1";
constexpr std::string_view kKind = "EvidenceBundle";
constexpr std::string_view kPemBegin = "-----BEGIN ";
constexpr size_t kMaxPemBytes = 8 * 1024;
constexpr size_t kMaxQualifyingDataBytes = 64;    // TPM2B_DATA holds a digest at most
constexpr size_t kMaxJsonDepthOfEvidence = 1024;  // nested deeper, it is no bundle at all

Bytes ReadHex(ObjectReader& reader, std::string_view key, size_t max_bytes) {
  auto bytes = FromHex(reader.Word(key));
  if (!bytes || bytes->size() > max_bytes) {
    reader.Fail(key, "not lower-case hex, or too long");
    return {};
  }
  return *std::move(bytes);
}

std::variant<Bytes, std::string> ReadKey(ObjectReader reader, ObjectReader& outer) {
  const std::string_view text = reader.Word("public");
  std::variant<Bytes, std::string> key;
  if (text.substr(0, kPemBegin.size()) == kPemBegin) {
    if (text.size() > kMaxPemBytes) {
      reader.Fail("public", "too long");
    }
    key = std::string(text.substr(0, kMaxPemBytes));
  } else {
    key = reader.Base64("public", kMaxPublicAreaBytes);
  }
  outer.Adopt(std::move(reader));
  return key;
}

BundleEndorsement ReadEndorsement(ObjectReader reader, ObjectReader& outer) {
  BundleEndorsement endorsement;
  endorsement.public_area = reader.Base64("public", kMaxPublicAreaBytes);
  endorsement.certificate = reader.OptionalBase64("certificate", kMaxCertificateBytes);
  endorsement.chain =
      reader.OptionalBase64List("chain", kMaxChainCertificates, kMaxCertificateBytes);
  outer.Adopt(std::move(reader));
  return endorsement;
}

void ReadExpectation(ObjectReader reader, BundleFrame& frame, ObjectReader& outer) {
  const auto nonce = reader.OptionalBase64("nonce", kNonceBytes);
  if (nonce) {
    Nonce value{};
    if (nonce->size() == value.size()) {
      std::copy(nonce->begin(), nonce->end(), value.begin());
    } else {
      reader.Fail("nonce", "not 32 bytes");
    }
    frame.expected = value;
    if (reader.Has("qualifyingData")) {
      reader.Fail("qualifyingData", "there beside a nonce");
    }
  } else {
    frame.expected = ReadHex(reader, "qualifyingData", kMaxQualifyingDataBytes);
  }
  frame.selection = reader.Selection("pcrSelection", false);
  outer.Adopt(std::move(reader));
}

Result<BundleFrame> ReadFrame(simdjson::dom::object root) {
  ObjectReader reader(root);
  if (reader.Word("apiVersion") != kApiVersion || reader.Word("kind") != kKind) {
    reader.Fail("kind", "not an EvidenceBundle of " + std::string(kApiVersion));
  }
  BundleFrame frame;
  ObjectReader node = reader.Object("node");
  frame.node_name = node.NodeName("name");
  frame.node_uid = node.FreeText("uid");
  reader.Adopt(std::move(node));
  frame.attestation_key = ReadKey(reader.Object("attestationKey"), reader);
  if (auto endorsement = reader.OptionalObject("endorsement")) {
    frame.endorsement = ReadEndorsement(*std::move(endorsement), reader);
  }
  ReadExpectation(reader.Object("expect"), frame, reader);
  if (!reader.Has("evidence")) {
    reader.Fail("evidence", "missing");
  }
  if (std::holds_alternative<std::string>(frame.attestation_key) &&
      std::holds_alternative<Nonce>(frame.expected)) {
    reader.Fail("expect",
                "a PEM key has no Name to compute qualifying data with: qualifyingData "
                "is needed");
  }
  return std::move(reader).Finish(std::move(frame));
}

}  // namespace

struct BundleDocument::State {
  JsonDocument document;
  BundleFrame frame;
};

BundleDocument::BundleDocument(std::unique_ptr<State> state) : state_(std::move(state)) {}
BundleDocument::BundleDocument(BundleDocument&&) noexcept = default;
BundleDocument& BundleDocument::operator=(BundleDocument&&) noexcept = default;
BundleDocument::~BundleDocument() = default;

const BundleFrame& BundleDocument::frame() const { return state_->frame; }

Result<BundleDocument> BundleDocument::Parse(std::string_view text) {
  PLIMSOLL_ASSIGN_OR_RETURN(auto document,
                            JsonDocument::Parse(text, kMaxBytes, kMaxJsonDepthOfEvidence));
  const simdjson::dom::object root = document.root();
  PLIMSOLL_RETURN_IF_ERROR(JsonDocument::CheckKeys(root));
  for (const auto field : root) {
    if (field.key != "evidence") {
      PLIMSOLL_RETURN_IF_ERROR(JsonDocument::CheckStructure(field.value, 2));
    }
  }
  PLIMSOLL_ASSIGN_OR_RETURN(BundleFrame frame, ReadFrame(root));
  return BundleDocument(std::make_unique<State>(State{std::move(document), std::move(frame)}));
}

Result<Evidence> BundleDocument::DecodeEvidence() const {
  const simdjson::dom::element value = state_->document.root().at_key("evidence").value_unsafe();
  PLIMSOLL_RETURN_IF_ERROR(JsonDocument::CheckStructure(value, 2));
  simdjson::dom::object object;
  if (value.get_object().get(object)) {
    return Fail(ErrorCode::kMalformed, "evidence: not an object");
  }
  return ReadEvidence(ObjectReader(object, "evidence."),
                      std::holds_alternative<Nonce>(state_->frame.expected));
}

std::string EncodeBundle(const BundleFrame& frame, const Evidence& evidence) {
  nlohmann::ordered_json document = {
      {"apiVersion", kApiVersion},
      {"kind", kKind},
      {"node", {{"name", frame.node_name}, {"uid", frame.node_uid}}}};
  const auto* area = std::get_if<Bytes>(&frame.attestation_key);
  document["attestationKey"]["public"] =
      area != nullptr ? ToBase64(*area) : std::get<std::string>(frame.attestation_key);
  if (frame.endorsement) {
    nlohmann::ordered_json& endorsement = document["endorsement"];
    endorsement["public"] = ToBase64(frame.endorsement->public_area);
    if (frame.endorsement->certificate) {
      endorsement["certificate"] = ToBase64(*frame.endorsement->certificate);
    }
    for (const Bytes& certificate : frame.endorsement->chain) {
      endorsement["chain"].push_back(ToBase64(certificate));
    }
  }
  if (const auto* nonce = std::get_if<Nonce>(&frame.expected)) {
    document["expect"]["nonce"] = ToBase64(*nonce);
  } else {
    document["expect"]["qualifyingData"] = ToHex(std::get<Bytes>(frame.expected));
  }
  document["expect"]["pcrSelection"] = ToJson(frame.selection);
  document["evidence"] = ToJson(evidence);
  constexpr int kIndent = 1;
  return document.dump(kIndent, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace plimsoll::evidence
