#include "node-agent/tpm/templates.h"

#include <string>

#include "base/encoding.h"
#include "crypto/digest.h"
#include "tcg/public_area.h"
#include "tcg/writer.h"

namespace plimsoll::tpm {
namespace {

using tcg::AlgorithmId;
using tcg::CurveId;

// TPMA_OBJECT.
constexpr uint32_t kLowAttributes = 0x000300B2;          // fixedTPM fixedParent sensitiveDataOrigin
                                                         // adminWithPolicy restricted decrypt
constexpr uint32_t kHighAttributes = 0x000300F2;         // the same and userWithAuth
constexpr uint32_t kAttestationAttributes = 0x00050472;  // fixedTPM fixedParent sensitiveDataOrigin
                                                         // userWithAuth noDA restricted sign

constexpr std::string_view kUniqueLabel = "plimsoll.dev/attestation-key/v1";
constexpr uint16_t kRsaBits = 2048;
constexpr size_t kRsaBytes = kRsaBits / 8;

Bytes FromHexLiteral(std::string_view text) { return FromHex(text).value_or(Bytes()); }

Bytes Padded(ByteSpan bytes, size_t size) {
  Bytes padded = ToBytes(bytes);
  padded.resize(size, 0);
  return padded;
}

void WriteHead(tcg::Writer& writer, AlgorithmId type, AlgorithmId name_algorithm,
               uint32_t attributes, ByteSpan policy) {
  writer.Algorithm(type).Algorithm(name_algorithm).U32(attributes).Sized(policy);
}

void WriteSymmetric(tcg::Writer& writer, uint16_t aes_bits) {
  if (aes_bits == 0) {
    writer.Algorithm(AlgorithmId::kNull);
  } else {
    writer.Algorithm(AlgorithmId::kAes).U16(aes_bits).Algorithm(AlgorithmId::kCfb);
  }
}

// TPMS_RSA_PARMS or TPMS_ECC_PARMS behind the symmetric definition, and the unique field. A null
// scheme has no hash.
void WriteScheme(tcg::Writer& writer, AlgorithmId scheme, AlgorithmId hash) {
  writer.Algorithm(scheme);
  if (scheme != AlgorithmId::kNull) {
    writer.Algorithm(hash);
  }
}

void WriteRsa(tcg::Writer& writer, AlgorithmId scheme, AlgorithmId hash, ByteSpan unique) {
  WriteScheme(writer, scheme, hash);
  writer.U16(kRsaBits).U32(0).Sized(unique);
}

void WriteEcc(tcg::Writer& writer, AlgorithmId scheme, AlgorithmId hash, CurveId curve, ByteSpan x,
              ByteSpan y) {
  WriteScheme(writer, scheme, hash);
  writer.U16(static_cast<uint16_t>(curve)).Algorithm(AlgorithmId::kNull).Sized(x).Sized(y);
}

}  // namespace

EndorsementIndices IndicesOf(EndorsementKind kind) {
  switch (kind) {
    case EndorsementKind::kHighP384:
      return {0x01C00016, 0, 0x01C00017};
    case EndorsementKind::kHighP256:
      return {0x01C00014, 0, 0x01C00015};
    case EndorsementKind::kLowP256:
      return {0x01C0000A, 0x01C0000B, 0x01C0000C};
    case EndorsementKind::kHighRsa2048:
      return {0x01C00012, 0, 0x01C00013};
    case EndorsementKind::kLowRsa2048:
      break;
  }
  return {0x01C00002, 0x01C00003, 0x01C00004};
}

Bytes EndorsementPolicyA(AlgorithmId hash) {
  switch (hash) {
    case AlgorithmId::kSha256:
      return FromHexLiteral("837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa");
    case AlgorithmId::kSha384:
      return FromHexLiteral(
          "8bbf2266537c171cb56e403c4dc1d4b64f432611dc386e6f532050c3278c930e"
          "143e8bb1133824ccb431053871c6db53");
    default:
      return {};
  }
}

Bytes EndorsementPolicyB(AlgorithmId hash) {
  switch (hash) {
    case AlgorithmId::kSha256:
      return FromHexLiteral("ca3d0a99a2b93906f7a3342414efcfb3a385d44cd1fd459089d19b5071c0b7a0");
    case AlgorithmId::kSha384:
      return FromHexLiteral(
          "b26e7d28d11a50bc53d882bcf5fd3a1a074148bb35d3b4e4cb1c0ad9bde419ca"
          "cb47ba09699646150f9fc000f3f80e12");
    default:
      return {};
  }
}

Bytes EndorsementPolicyC(AlgorithmId hash) {
  switch (hash) {
    case AlgorithmId::kSha256:
      return FromHexLiteral("3767e2edd43ff45a3a7e1eaefcef78643dca964632e7aad82c673a30d8633fde");
    case AlgorithmId::kSha384:
      return FromHexLiteral(
          "d6032ce61f2fb3c240eb3cf6a33237ef2b6a16f4293c22b455e261cffd217ad5"
          "b4947c2d73e63005eed2dc2b3593d165");
    default:
      return {};
  }
}

Bytes EndorsementTemplate(EndorsementKind kind) {
  const AlgorithmId none = AlgorithmId::kNull;
  tcg::Writer writer;
  const auto head = [&](AlgorithmId type, AlgorithmId hash, bool high) {
    WriteHead(writer, type, hash, high ? kHighAttributes : kLowAttributes,
              high ? EndorsementPolicyB(hash) : EndorsementPolicyA(hash));
  };
  // The low range has zeros of the key's size as `unique`, the high range nothing.
  const Bytes zeros(kRsaBytes, 0);
  const ByteSpan coordinate = ByteSpan(zeros).first(tcg::CoordinateSize(CurveId::kNistP256));
  switch (kind) {
    case EndorsementKind::kHighP384:
      head(AlgorithmId::kEcc, AlgorithmId::kSha384, true);
      WriteSymmetric(writer, 256);
      WriteEcc(writer, none, none, CurveId::kNistP384, {}, {});
      break;
    case EndorsementKind::kHighP256:
      head(AlgorithmId::kEcc, AlgorithmId::kSha256, true);
      WriteSymmetric(writer, 128);
      WriteEcc(writer, none, none, CurveId::kNistP256, {}, {});
      break;
    case EndorsementKind::kLowP256:
      head(AlgorithmId::kEcc, AlgorithmId::kSha256, false);
      WriteSymmetric(writer, 128);
      WriteEcc(writer, none, none, CurveId::kNistP256, coordinate, coordinate);
      break;
    case EndorsementKind::kHighRsa2048:
      head(AlgorithmId::kRsa, AlgorithmId::kSha256, true);
      WriteSymmetric(writer, 128);
      WriteRsa(writer, none, none, {});
      break;
    case EndorsementKind::kLowRsa2048:
      head(AlgorithmId::kRsa, AlgorithmId::kSha256, false);
      WriteSymmetric(writer, 128);
      WriteRsa(writer, none, none, zeros);
      break;
  }
  return std::move(writer).Take();
}

Result<Bytes> WithNonce(ByteSpan public_template, ByteSpan nonce) {
  PLIMSOLL_ASSIGN_OR_RETURN(const tcg::PublicArea area, tcg::PublicArea::Parse(public_template));
  size_t unique_bytes = 0;
  size_t key_bytes = 0;
  if (const tcg::RsaPublic* rsa = area.rsa()) {
    unique_bytes = 2 + rsa->modulus.size();
    key_bytes = rsa->key_bits / 8;
  } else {
    const tcg::EccPublic* ecc = area.ecc();
    unique_bytes = 4 + ecc->x.size() + ecc->y.size();
    key_bytes = tcg::CoordinateSize(ecc->curve);
  }
  if (nonce.size() > key_bytes) {
    return Fail(ErrorCode::kMalformed, "the EK nonce is longer than the key");
  }
  // `unique` is the last member of TPMT_PUBLIC.
  tcg::Writer writer;
  writer.Raw(public_template.first(public_template.size() - unique_bytes));
  writer.Sized(Padded(nonce, key_bytes));
  if (area.ecc() != nullptr) {
    writer.Sized(Bytes(key_bytes, 0));
  }
  return std::move(writer).Take();
}

Bytes AttestationTemplate(crypto::KeyProfile profile, std::string_view cluster_uid) {
  const bool p384 = profile == crypto::KeyProfile::kP384;
  const AlgorithmId hash = p384 ? AlgorithmId::kSha384 : AlgorithmId::kSha256;
  const uint8_t separator = 0;
  const Bytes unique =
      crypto::Digest(hash, {AsBytes(kUniqueLabel), ByteSpan(&separator, 1), AsBytes(cluster_uid)});
  tcg::Writer writer;
  if (profile == crypto::KeyProfile::kRsa2048) {
    WriteHead(writer, AlgorithmId::kRsa, hash, kAttestationAttributes, {});
    WriteSymmetric(writer, 0);
    WriteRsa(writer, AlgorithmId::kRsassa, hash, Padded(unique, kRsaBytes));
  } else {
    WriteHead(writer, AlgorithmId::kEcc, hash, kAttestationAttributes, {});
    WriteSymmetric(writer, 0);
    WriteEcc(writer, AlgorithmId::kEcdsa, hash, p384 ? CurveId::kNistP384 : CurveId::kNistP256,
             unique, Bytes(unique.size(), 0));
  }
  return std::move(writer).Take();
}

}  // namespace plimsoll::tpm
