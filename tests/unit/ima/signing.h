#pragma once

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <memory>

#include "fakes/software_tpm.h"
#include "ima/signature.h"
#include "unit/ima/list_builder.h"

namespace plimsoll::ima {

inline const fakes::SoftwareKey& EcKey() {
  static const fakes::SoftwareKey key(fakes::KeyTemplate::AkP256());
  return key;
}
inline const fakes::SoftwareKey& OtherEcKey() {
  static const fakes::SoftwareKey key(fakes::KeyTemplate::AkP256());
  return key;
}
inline const fakes::SoftwareKey& RsaKey() {
  static const fakes::SoftwareKey key(fakes::KeyTemplate::AkRsa());
  return key;
}

inline SigningKey KeyNamed(std::string name, const fakes::SoftwareKey& key) {
  auto made = crypto::DigestVerificationKey::FromPem(key.Pem());
  EXPECT_TRUE(made) << made.error().message;
  return {std::move(name), *std::move(made)};
}

// A signature over a digest: PKCS#1 v1.5, or ECDSA in DER.
inline Bytes SignDigest(const fakes::SoftwareKey& key, AlgorithmId hash, ByteSpan digest) {
  const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context(
      EVP_PKEY_CTX_new(key.pkey(), nullptr), &EVP_PKEY_CTX_free);
  const EVP_MD* md = EVP_get_digestbyname(std::string(tcg::BankName(hash)).c_str());
  Bytes signature(1024);
  size_t size = signature.size();
  EXPECT_EQ(EVP_PKEY_sign_init(context.get()), 1);
  if (EVP_PKEY_is_a(key.pkey(), "RSA") == 1) {
    EXPECT_EQ(EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING), 1);
  }
  EXPECT_EQ(EVP_PKEY_CTX_set_signature_md(context.get(), md), 1);
  EXPECT_EQ(EVP_PKEY_sign(context.get(), signature.data(), &size, digest.data(), digest.size()), 1);
  signature.resize(size);
  return signature;
}

// security.ima as evmctl writes it.
inline Bytes Xattr(uint8_t type, uint8_t version, uint8_t hash, uint32_t key_id,
                   const Bytes& signature) {
  Bytes bytes = {type, version, hash};
  for (int shift = 24; shift >= 0; shift -= 8) {
    bytes.push_back(static_cast<uint8_t>(key_id >> shift));
  }
  bytes.push_back(static_cast<uint8_t>(signature.size() >> 8));
  bytes.push_back(static_cast<uint8_t>(signature.size()));
  Append(bytes, signature);
  return bytes;
}

// A file that was signed in the usual way.
inline Made SignedFile(std::string_view path, std::string_view contents,
                       const fakes::SoftwareKey& key, uint32_t key_id = 0) {
  const Bytes digest = Sha256(contents);
  return MakeEntry("ima-sig",
                   {DigestField("sha256", digest), NameField(path),
                    Xattr(3, 2, 4, key_id, SignDigest(key, AlgorithmId::kSha256, digest))});
}

}  // namespace plimsoll::ima
