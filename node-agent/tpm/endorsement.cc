#include "node-agent/tpm/endorsement.h"

#include <algorithm>
#include <map>

#include "crypto/endorsement_certificate.h"
#include "crypto/endorsement_key.h"
#include "node-agent/tpm/templates.h"
#include "tcg/public_area.h"

namespace plimsoll::tpm {
namespace {

using crypto::EndorsementCertificate;

constexpr size_t kMaxCertificates = 16;
constexpr size_t kMaxChainCertificates = 8;
constexpr size_t kMaxTemplateBytes = 1024;
constexpr size_t kMaxNonceBytes = 256;
constexpr size_t kMaxPersistentKeys = 16;

// A failure that says something about the connection, not about the thing that was looked at.
bool IsFatal(const Error& error) { return error.retry == Retry::kReconnect; }

// What NV holds of the profile.
struct Provisioned {
  std::map<uint32_t, EndorsementCertificate> certificates;  // by index
  std::vector<Bytes> chain;
  std::vector<uint32_t> indices;  // all, ascending

  bool Has(uint32_t index) const { return std::ranges::binary_search(indices, index); }
};

// One certificate from the front of `contents`, which moves on behind it. Chains are stored one
// certificate after another, over several indices (EK Credential Profile 2.5, 2.2.1.5.3).
std::optional<Bytes> TakeCertificate(ByteSpan& contents) {
  // SEQUENCE with a two-byte length: every certificate of 256 bytes to 64 KiB.
  if (contents.size() < 4 || contents[0] != 0x30 || contents[1] != 0x82) {
    return std::nullopt;
  }
  const size_t size = 4 + ((size_t{contents[2]} << 8) | contents[3]);
  if (size > contents.size() || size > EndorsementCertificate::kMaxBytes) {
    return std::nullopt;
  }
  Bytes certificate = ToBytes(contents.first(size));
  contents = contents.subspan(size);
  return certificate;
}

Result<Provisioned> ReadProvisioned(Device& device) {
  Provisioned found;
  PLIMSOLL_ASSIGN_OR_RETURN(found.indices,
                            device.NvIndices(kEndorsementNvFirst, kEndorsementNvLast));
  Bytes chain;
  for (const uint32_t index : found.indices) {
    const bool is_chain = index >= kChainNvFirst && index <= kChainNvLast;
    const bool is_parameter = std::ranges::any_of(kEndorsementKinds, [&](EndorsementKind kind) {
      return index == IndicesOf(kind).nonce || index == IndicesOf(kind).public_template;
    });
    if (is_parameter || (!is_chain && found.certificates.size() >= kMaxCertificates)) {
      continue;
    }
    auto contents = device.ReadNv(index, EndorsementCertificate::kMaxBytes);
    if (!contents) {
      if (IsFatal(contents.error())) {
        return tl::unexpected(std::move(contents).error());
      }
      continue;  // not ours to read
    }
    if (is_chain) {
      Append(chain, *contents);
    } else if (auto certificate = EndorsementCertificate::Parse(*contents)) {
      found.certificates.emplace(index, *std::move(certificate));
    }
  }
  ByteSpan rest = chain;
  while (found.chain.size() < kMaxChainCertificates) {
    auto certificate = TakeCertificate(rest);
    if (!certificate) {
      break;
    }
    found.chain.push_back(*std::move(certificate));
  }
  return found;
}

Result<Bytes> TemplateFor(Device& device, const Provisioned& found, EndorsementKind kind) {
  const EndorsementIndices indices = IndicesOf(kind);
  Bytes area = EndorsementTemplate(kind);
  if (found.Has(indices.public_template)) {
    auto stored = device.ReadNv(indices.public_template, kMaxTemplateBytes);
    if (stored && tcg::PublicArea::Parse(*stored)) {
      area = *std::move(stored);
    } else if (!stored && IsFatal(stored.error())) {
      return tl::unexpected(std::move(stored).error());
    }
  }
  if (indices.nonce != 0 && found.Has(indices.nonce)) {
    const auto nonce = device.ReadNv(indices.nonce, kMaxNonceBytes);
    if (!nonce && IsFatal(nonce.error())) {
      return tl::unexpected(nonce.error());
    }
    if (nonce) {
      if (auto with_nonce = WithNonce(area, *nonce)) {
        area = *std::move(with_nonce);
      }
    }
  }
  return area;
}

// The key made from the template of that kind; nullopt when the TPM does not do such keys or no
// controller accepts it.
Result<std::optional<Key>> MakeKey(Device& device, const Provisioned& found, EndorsementKind kind) {
  PLIMSOLL_ASSIGN_OR_RETURN(const Bytes area, TemplateFor(device, found, kind));
  auto key = device.CreatePrimary(area);
  if (!key) {
    if (key.error().code == ErrorCode::kUnsupported) {
      return std::optional<Key>();
    }
    return tl::unexpected(std::move(key).error());
  }
  if (crypto::CheckEndorsementKey(key->public_area())) {
    return std::optional<Key>();
  }
  return std::optional<Key>(*std::move(key));
}

const EndorsementCertificate* CertificateFor(const Provisioned& found, const Key& key) {
  for (const auto& [index, certificate] : found.certificates) {
    if (certificate.IsFor(key.public_area())) {
      return &certificate;
    }
  }
  return nullptr;
}

// Which kind's template a key could have come from.
bool IsOfKind(const Key& key, EndorsementKind kind) {
  const auto wanted = tcg::PublicArea::Parse(EndorsementTemplate(kind));
  const tcg::PublicArea& area = key.public_area();
  return wanted && wanted->type() == area.type() &&
         wanted->name_algorithm() == area.name_algorithm() &&
         wanted->attributes().bits() == area.attributes().bits() &&
         std::ranges::equal(wanted->auth_policy(), area.auth_policy()) &&
         wanted->symmetric() == area.symmetric() &&
         (area.ecc() == nullptr || area.ecc()->curve == wanted->ecc()->curve);
}

Result<std::vector<Key>> PersistentKeys(Device& device) {
  std::vector<Key> keys;
  PLIMSOLL_ASSIGN_OR_RETURN(const auto handles, device.Handles(HandleKind::kPersistent));
  for (const uint32_t handle : handles) {
    if (handle < kPersistentEndorsementFirst || handle > kPersistentEndorsementLast ||
        keys.size() >= kMaxPersistentKeys) {
      continue;
    }
    auto key = device.OpenPersistent(handle);
    if (key && !crypto::CheckEndorsementKey(key->public_area())) {
      keys.push_back(*std::move(key));
    } else if (!key && IsFatal(key.error())) {
      return tl::unexpected(std::move(key).error());
    }
  }
  return keys;
}

// The kinds with a certificate at their own index first, each group in order of preference.
std::vector<EndorsementKind> OrderOfSearch(const Provisioned& found) {
  std::vector<EndorsementKind> kinds(kEndorsementKinds.begin(), kEndorsementKinds.end());
  std::stable_partition(kinds.begin(), kinds.end(), [&](EndorsementKind kind) {
    return found.certificates.contains(IndicesOf(kind).certificate);
  });
  return kinds;
}

}  // namespace

Result<Endorsement> FindEndorsement(Device& device) {
  PLIMSOLL_ASSIGN_OR_RETURN(Provisioned found, ReadProvisioned(device));
  if (!found.certificates.empty()) {
    PLIMSOLL_ASSIGN_OR_RETURN(std::vector<Key> persistent, PersistentKeys(device));
    for (const EndorsementKind kind : OrderOfSearch(found)) {
      for (Key& key : persistent) {
        const EndorsementCertificate* certificate = CertificateFor(found, key);
        if (certificate != nullptr && IsOfKind(key, kind)) {
          return Endorsement{std::move(key), ToBytes(certificate->der()), std::move(found.chain)};
        }
      }
      PLIMSOLL_ASSIGN_OR_RETURN(auto key, MakeKey(device, found, kind));
      if (!key) {
        continue;
      }
      if (const EndorsementCertificate* certificate = CertificateFor(found, *key)) {
        return Endorsement{*std::move(key), ToBytes(certificate->der()), std::move(found.chain)};
      }
    }
  }
  for (const EndorsementKind kind : kEndorsementKinds) {
    PLIMSOLL_ASSIGN_OR_RETURN(auto key, MakeKey(device, found, kind));
    if (key) {
      return Endorsement{*std::move(key), std::nullopt, {}};
    }
  }
  return Fail(ErrorCode::kUnsupported, "the TPM can make none of the endorsement keys of the TCG");
}

}  // namespace plimsoll::tpm
