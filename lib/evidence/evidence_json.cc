#include "evidence/evidence_json.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "base/encoding.h"
#include "evidence/limits.h"

namespace plimsoll::evidence {
namespace {

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

Result<Evidence> ReadEvidence(ObjectReader reader, bool statement_required) {
  Evidence evidence;
  ObjectReader quote = reader.Object("quote");
  evidence.attest = quote.Base64("attest", kMaxAttestBytes);
  evidence.signature = quote.Base64("signature", kMaxSignatureBytes);
  reader.Adopt(std::move(quote));
  evidence.pcrs = ReadPcrs(reader);
  evidence.statement = reader.OptionalBase64("statement", kMaxStatementBytes);
  if (statement_required && !evidence.statement) {
    reader.Fail("statement", "missing");
  }
  // The document is bounded. A log or list that is longer than it may be is refused as a log or a
  // list, by the module that knows why, and not as evidence that nobody can read.
  evidence.boot_event_log = reader.OptionalBase64("bootEventLog", kMaxEvidenceBodyBytes);
  evidence.ima = reader.OptionalBase64("ima", kMaxEvidenceBodyBytes);
  return std::move(reader).Finish(std::move(evidence));
}

nlohmann::json ToJson(const Evidence& evidence) {
  nlohmann::json pcrs = nlohmann::json::array();
  for (const PcrValue& pcr : evidence.pcrs) {
    pcrs.push_back(
        {{"bank", tcg::BankName(pcr.bank)}, {"index", pcr.index}, {"digest", ToHex(pcr.digest)}});
  }
  nlohmann::json document = {
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
  return document;
}

}  // namespace plimsoll::evidence
