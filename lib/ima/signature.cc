#include "ima/signature.h"

#include <fmt/format.h>

#include <algorithm>

#include "crypto/digest.h"
#include "ima/hash_names.h"

namespace plimsoll::ima {
namespace {

constexpr size_t kHeaderBytes = 9;  // struct signature_v2_hdr
constexpr uint8_t kTypeEvm = 5;     // EVM_XATTR_PORTABLE_DIGSIG
constexpr uint8_t kTypeFile = 3;    // EVM_IMA_XATTR_DIGSIG
constexpr uint8_t kTypeVerity = 6;  // IMA_VERITY_DIGSIG

SignatureResult Invalid(std::string message) {
  return {SignatureVerdict::kInvalid, std::move(message)};
}
SignatureResult Unsupported(std::string message) {
  return {SignatureVerdict::kUnsupported, std::move(message)};
}

struct Header {
  uint8_t type;
  uint8_t version;
  uint8_t hash;
  uint32_t key_id;
  size_t size;
};

Header ReadHeader(ByteSpan bytes) {
  return {.type = bytes[0],
          .version = bytes[1],
          .hash = bytes[2],
          .key_id = static_cast<uint32_t>(bytes[3]) << 24 | static_cast<uint32_t>(bytes[4]) << 16 |
                    static_cast<uint32_t>(bytes[5]) << 8 | static_cast<uint32_t>(bytes[6]),
          .size = static_cast<size_t>(bytes[7]) << 8 | bytes[8]};
}

SignatureResult TryKeys(const std::vector<SigningKey>& keys, uint32_t key_id, tcg::AlgorithmId hash,
                        ByteSpan digest, ByteSpan signature) {
  // Anyone can write the id, and two keys can have the same: it decides about the order alone.
  for (const bool hinted : {true, false}) {
    for (const SigningKey& key : keys) {
      if ((key.key.key_id() == key_id) != hinted) {
        continue;
      }
      const Result<crypto::SignatureCheck> check = key.key.Verify(hash, digest, signature);
      if (check && *check == crypto::SignatureCheck::kValid) {
        return {SignatureVerdict::kValid, key.name};
      }
    }
  }
  return Invalid(
      fmt::format("its signature (key id {:08x}) is by none of the accepted keys", key_id));
}

}  // namespace

SignatureResult CheckSignature(const Entry& entry, const std::vector<SigningKey>& keys,
                               WeakHash weak) {
  const ByteSpan bytes = entry.signature;
  if (bytes.empty() || entry.violation) {
    return {};
  }
  if (bytes[0] == kTypeEvm) {
    return Unsupported("its signature is one of EVM, over metadata and not over the contents");
  }
  if (bytes.size() < kHeaderBytes) {
    return Invalid(fmt::format("its signature has only {} bytes", bytes.size()));
  }
  const Header header = ReadHeader(bytes);
  const ByteSpan signature = bytes.subspan(kHeaderBytes);
  const bool known = (header.type == kTypeFile && (header.version == 2 || header.version == 3)) ||
                     (header.type == kTypeVerity && header.version == 3);
  if (!known) {
    return Unsupported(
        fmt::format("its signature is of type {} version {}", header.type, header.version));
  }
  if (header.size != signature.size()) {
    return Invalid(
        fmt::format("its signature says {} bytes and has {}", header.size, signature.size()));
  }
  if ((header.type == kTypeVerity) != entry.digest.verity) {
    return Invalid("its signature is for the other kind of digest, contents or fs-verity");
  }
  const KernelHash* hash = HashByNumber(header.hash);
  if (hash == nullptr || hash->name != entry.digest.name) {
    return Invalid(fmt::format("its signature is over a {} digest, measured was {}",
                               hash == nullptr ? "unknown" : hash->name, entry.digest.name));
  }
  if (!hash->algorithm ||
      (!tcg::IsStrongHash(*hash->algorithm) &&
       !(weak == WeakHash::kAcceptSha1 && *hash->algorithm == tcg::AlgorithmId::kSha1))) {
    return Unsupported(
        fmt::format("its signature is over a {} digest; SHA-256, SHA-384 and "
                    "SHA-512 are accepted",
                    hash->name));
  }
  if (header.version == 2) {
    return TryKeys(keys, header.key_id, *hash->algorithm, entry.digest.value, signature);
  }
  // struct ima_file_id: the type and the algorithm are signed too.
  const Bytes prefix = {header.type, header.hash};
  return TryKeys(keys, header.key_id, *hash->algorithm,
                 crypto::Digest(*hash->algorithm, {prefix, entry.digest.value}), signature);
}

}  // namespace plimsoll::ima
