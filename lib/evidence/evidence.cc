#include "evidence/evidence.h"

#include <utility>

#include "base/encoding.h"
#include "evidence/evidence_json.h"
#include "evidence/identifiers.h"
#include "evidence/json_reader.h"
#include "evidence/json_writer.h"

namespace plimsoll::evidence {
namespace {

constexpr uint64_t kMaxSeconds = 86'400 * 2;

size_t Occurrences(simdjson::dom::object object, std::string_view key) {
  size_t count = 0;
  for (const auto field : object) {
    count += field.key == key ? 1U : 0U;
  }
  return count;
}

}  // namespace

struct EvidenceDocument::State {
  JsonDocument document;
  std::string challenge;
};

EvidenceDocument::EvidenceDocument(std::unique_ptr<State> state) : state_(std::move(state)) {}
EvidenceDocument::EvidenceDocument(EvidenceDocument&&) noexcept = default;
EvidenceDocument& EvidenceDocument::operator=(EvidenceDocument&&) noexcept = default;
EvidenceDocument::~EvidenceDocument() = default;

const std::string& EvidenceDocument::challenge() const { return state_->challenge; }

Result<EvidenceDocument> EvidenceDocument::Parse(std::string_view body) {
  PLIMSOLL_ASSIGN_OR_RETURN(auto document, JsonDocument::Parse(body, kMaxEvidenceBodyBytes));
  // Which of two ids was meant nobody can say; any other key that comes twice is for Decode().
  if (Occurrences(document.root(), "challenge") > 1) {
    return Fail(ErrorCode::kMalformed, "challenge: there twice");
  }
  ObjectReader reader(document.root());
  std::string id = reader.Id("challenge");
  PLIMSOLL_ASSIGN_OR_RETURN(std::string challenge, std::move(reader).Finish(std::move(id)));
  return EvidenceDocument(
      std::make_unique<State>(State{std::move(document), std::move(challenge)}));
}

Result<Evidence> EvidenceDocument::Decode() const {
  PLIMSOLL_RETURN_IF_ERROR(state_->document.CheckStructure());
  return ReadEvidence(ObjectReader(state_->document.root()), true);
}

std::string EncodeEvidence(std::string_view challenge, const Evidence& evidence) {
  nlohmann::json document = ToJson(evidence);
  document["challenge"] = challenge;
  return Dump(document);
}

Result<EvidenceResponse> DecodeEvidenceResponse(std::string_view body) {
  PLIMSOLL_ASSIGN_OR_RETURN(const auto document, JsonDocument::ParseSmall(body));
  ObjectReader reader(document.root());
  EvidenceResponse response;
  response.verdict = reader.ReasonWord("verdict");
  response.reason = reader.ReasonWord("reason");
  response.message = reader.FreeText("message");
  response.next_attestation_in =
      std::chrono::seconds(reader.Number("nextAttestationInSeconds", kMaxSeconds));
  return std::move(reader).Finish(std::move(response));
}

std::string Encode(const EvidenceResponse& response) {
  return Dump({{"verdict", response.verdict},
               {"reason", response.reason},
               {"message", ToFreeText(response.message)},
               {"nextAttestationInSeconds", response.next_attestation_in.count()}});
}

}  // namespace plimsoll::evidence
