#include "evidence/qualifying_data.h"

#include "crypto/digest.h"

namespace plimsoll::evidence {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kContext = "plimsoll.dev/quote/v1\0"sv;

// u16be(len). Node UIDs and Names are far shorter than 65,536 bytes.
std::array<uint8_t, 2> Length(size_t size) {
  return {static_cast<uint8_t>(size >> 8U), static_cast<uint8_t>(size)};
}

}  // namespace

Bytes QualifyingData(tcg::AlgorithmId hash, const Nonce& nonce, std::string_view node_uid,
                     const tcg::Name& attestation_key, ByteSpan statement) {
  const auto uid_length = Length(node_uid.size());
  const auto name_length = Length(attestation_key.bytes().size());
  const Bytes statement_digest = crypto::Digest(tcg::AlgorithmId::kSha256, {statement});
  return crypto::Digest(hash, {AsBytes(kContext), nonce, uid_length, AsBytes(node_uid), name_length,
                               attestation_key.bytes(), statement_digest});
}

}  // namespace plimsoll::evidence
