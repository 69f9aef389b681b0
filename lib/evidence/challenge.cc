#include "evidence/challenge.h"

#include <algorithm>
#include <limits>

#include "base/encoding.h"
#include "evidence/json_reader.h"
#include "evidence/json_writer.h"

namespace plimsoll::evidence {
namespace {

constexpr uint64_t kMaxSeconds = 86'400;
constexpr uint64_t kAnyNumber = std::numeric_limits<int64_t>::max();

Nonce ReadNonce(ObjectReader& reader) {
  Nonce nonce{};
  const Bytes bytes = reader.Base64("nonce", kNonceBytes);
  if (bytes.size() == nonce.size()) {
    std::copy(bytes.begin(), bytes.end(), nonce.begin());
  } else {
    reader.Fail("nonce", "not 32 bytes");
  }
  return nonce;
}

}  // namespace

std::optional<LogName> ReadLogName(ObjectReader& reader, std::string_view key) {
  auto object = reader.OptionalObject(key);
  if (!object) {
    return std::nullopt;
  }
  LogName log;
  log.sha256 = object->Sha256("sha256");
  log.size = object->Number("size", kAnyNumber);
  reader.Adopt(std::move(*object));
  return log;
}

Result<ChallengeRequest> DecodeChallengeRequest(std::string_view body) {
  PLIMSOLL_ASSIGN_OR_RETURN(const auto document, JsonDocument::ParseSmall(body));
  ObjectReader reader(document.root());
  auto name = reader.Name("attestationKeyName");
  std::string boot_id = reader.Uuid("bootID");
  tcg::PcrSelection banks = reader.Selection("banks", /*skip_unknown=*/true);
  if (banks.PcrCount() == 0) {
    reader.Fail("banks", "no bank that can be quoted");
  }
  auto log = ReadLogName(reader, "bootEventLog");
  std::optional<uint64_t> ima_entries;
  if (auto ima = reader.OptionalObject("ima")) {
    ima_entries = ima->Number("entries", kAnyNumber);
    reader.Adopt(std::move(*ima));
  }
  if (reader.failed()) {
    return std::move(reader).Failure();
  }
  return ChallengeRequest{*std::move(name), std::move(boot_id), std::move(banks), std::move(log),
                          ima_entries};
}

Result<ChallengeResponse> DecodeChallengeResponse(std::string_view body) {
  PLIMSOLL_ASSIGN_OR_RETURN(const auto document, JsonDocument::ParseSmall(body));
  ObjectReader reader(document.root());
  ChallengeResponse response;
  response.challenge = reader.Id("challenge");
  ObjectReader node = reader.Object("node");
  response.node.name = node.NodeName("name");
  response.node.uid = node.Uuid("uid");
  reader.Adopt(std::move(node));
  response.nonce = ReadNonce(reader);
  response.selection = reader.Selection("pcrSelection", /*skip_unknown=*/false);
  ObjectReader want = reader.Object("want");
  response.want_boot_event_log = want.Flag("bootEventLog");
  response.want_ima_from = want.OptionalNumber("imaFrom", kAnyNumber);
  reader.Adopt(std::move(want));
  response.expires_in = std::chrono::seconds(reader.Number("expiresInSeconds", kMaxSeconds));
  return std::move(reader).Finish(std::move(response));
}

std::string Encode(const ChallengeRequest& request) {
  nlohmann::json document = {{"attestationKeyName", request.attestation_key_name.ToHex()},
                             {"bootID", request.boot_id},
                             {"banks", ToJson(request.banks)}};
  if (request.boot_event_log) {
    document["bootEventLog"] = ToJson(*request.boot_event_log);
  }
  if (request.ima_entries) {
    document["ima"] = {{"entries", *request.ima_entries}};
  }
  return Dump(document);
}

std::string Encode(const ChallengeResponse& response) {
  nlohmann::json want = {{"bootEventLog", response.want_boot_event_log}};
  if (response.want_ima_from) {
    want["imaFrom"] = *response.want_ima_from;
  }
  return Dump({{"challenge", response.challenge},
               {"node", {{"name", response.node.name}, {"uid", response.node.uid}}},
               {"nonce", ToBase64(response.nonce)},
               {"pcrSelection", ToJson(response.selection)},
               {"want", std::move(want)},
               {"expiresInSeconds", response.expires_in.count()}});
}

}  // namespace plimsoll::evidence
