#include "evidence/evidence.h"

#include <utility>

#include "base/encoding.h"
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

std::vector<PcrValue> ReadPcrs(ObjectReader& reader) {
  std::vector<PcrValue> values;
  const auto items = reader.Items("pcrs", kMaxPcrValues);
  values.reserve(items.size());
  for (const simdjson::dom::element element : items) {
    simdjson::dom::object object;
    if (element.get_object().get(object)) {
      reader.Fail("pcrs", "not a list of PCR values");
      return {};
    }
    ObjectReader item(object, "pcrs.");
    const auto bank = tcg::BankFromName(item.Word("bank"));
    const auto index = static_cast<uint32_t>(item.Number("index", kMaxPcrIndex));
    auto digest = FromHex(item.Word("digest"));
    if (!bank) {
      item.Fail("bank", "unknown");
    } else if (!digest || digest->size() != tcg::DigestSize(*bank)) {
      item.Fail("digest", "not lower-case hex of the bank's length");
    }
    reader.Adopt(std::move(item));
    if (reader.failed()) {
      return {};
    }
    values.push_back({*bank, index, *std::move(digest)});
  }
  return values;
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
  ObjectReader reader(state_->document.root());
  Evidence evidence;
  ObjectReader quote = reader.Object("quote");
  evidence.attest = quote.Base64("attest", kMaxAttestBytes);
  evidence.signature = quote.Base64("signature", kMaxSignatureBytes);
  reader.Adopt(std::move(quote));
  evidence.pcrs = ReadPcrs(reader);
  evidence.statement = reader.Base64("statement", kMaxStatementBytes);
  evidence.boot_event_log = reader.OptionalBase64("bootEventLog", kMaxBootEventLogBytes);
  evidence.ima = reader.OptionalBase64("ima", kMaxImaBytes);
  return std::move(reader).Finish(std::move(evidence));
}

std::string EncodeEvidence(std::string_view challenge, const Evidence& evidence) {
  nlohmann::json pcrs = nlohmann::json::array();
  for (const PcrValue& pcr : evidence.pcrs) {
    pcrs.push_back(
        {{"bank", tcg::BankName(pcr.bank)}, {"index", pcr.index}, {"digest", ToHex(pcr.digest)}});
  }
  nlohmann::json document = {
      {"challenge", challenge},
      {"quote",
       {{"attest", ToBase64(evidence.attest)}, {"signature", ToBase64(evidence.signature)}}},
      {"pcrs", std::move(pcrs)}};
  if (evidence.statement) {
    document["statement"] = ToBase64(*evidence.statement);
  }
  if (evidence.boot_event_log) {
    document["bootEventLog"] = ToBase64(*evidence.boot_event_log);
  }
  if (evidence.ima) {
    document["ima"] = ToBase64(*evidence.ima);
  }
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
