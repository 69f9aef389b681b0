#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "crypto/digest_signature.h"
#include "ima/measurement_list.h"

namespace plimsoll::ima {

// A key whose signatures a policy accepts.
struct SigningKey {
  std::string name;  // as the policy calls it
  crypto::DigestVerificationKey key;
};

enum class SignatureVerdict : uint8_t {
  kNone,         // no signature
  kValid,        // by one of the keys
  kInvalid,      // by none of them, or malformed
  kUnsupported,  // of a kind that is never accepted: SHA-1, an EVM signature, another version
};

struct SignatureResult {
  SignatureVerdict verdict = SignatureVerdict::kNone;
  std::string message;  // a half sentence for people; for kValid the key's name
};

// SHA-1 collides on demand: a signer can be made to sign the digest of another file than the one
// that was shown to it.
enum class WeakHash : uint8_t { kRefuse, kAcceptSha1 };

// Judges the security.ima signature of an entry (ima-sig, ima-sigv2, ima-modsig) by the given keys
// alone (I11): the key id that it carries only says which key to try first.
//
// Kinds (Linux, security/integrity/integrity.h: signature_v2_hdr, ima_file_id): type 3 version 2
// signs the digest of the contents; version 3 signs H(type || hash algorithm || digest), with type
// 6 for an fs-verity digest, 3 for one of the contents. The hash must be that of the entry's
// digest. Signatures that are appended to modules (PKCS#7) are not verified: no entry is accepted
// by one.
SignatureResult CheckSignature(const Entry& entry, const std::vector<SigningKey>& keys,
                               WeakHash weak = WeakHash::kRefuse);

}  // namespace plimsoll::ima
