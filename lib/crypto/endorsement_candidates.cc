#include "crypto/endorsement_candidates.h"

#include <algorithm>

#include "crypto/x509.h"

namespace plimsoll::crypto {
namespace {

constexpr size_t kMaxLevels = 8;
constexpr size_t kMaxSignatures = 64;  // a vendor's name has at most seven certificates

// Finds the issuers of one certificate after another.
class Collector {
 public:
  Collector(const std::vector<X509Ptr>& offered, const EndorsementRoots::State& roots)
      : offered_(offered), roots_(roots) {}

  // False when too many signatures had to be tried.
  bool Collect(X509& leaf) {
    std::vector<X509*> level = {&leaf};
    for (size_t i = 0; i < kMaxLevels && !level.empty(); ++i) {
      std::vector<X509*> above;
      for (X509* child : level) {
        if (!CollectIssuersOf(*child, above)) {
          return false;
        }
      }
      level = std::move(above);
    }
    return true;
  }

  IssuerCandidates Take() { return std::move(found_); }

 private:
  bool CollectIssuersOf(X509& child, std::vector<X509*>& above) {
    const X509_NAME* name = X509_get_issuer_name(&child);
    const NameHash hash = HashOf(name);
    bool named = false;
    bool signed_by_one = false;
    const auto consider = [&](X509Ptr issuer, bool anchor) {
      if (!issuer || X509_NAME_cmp(X509_get_subject_name(issuer.get()), name) != 0) {
        return true;
      }
      if (++signatures_ > kMaxSignatures) {
        return false;
      }
      named = true;
      EVP_PKEY* key = X509_get0_pubkey(issuer.get());
      if (key == nullptr || X509_verify(&child, key) != 1) {
        return true;
      }
      signed_by_one = true;
      Add(std::move(issuer), anchor, above);
      return true;
    };
    const auto [begin, end] = roots_.issuers.equal_range(hash);
    for (auto it = begin; it != end; ++it) {
      if (!consider(Share(it->second.certificate.get()), it->second.anchor)) {
        return false;
      }
    }
    if (roots_.bundle) {
      for (const EndorsementBundle::Entry& entry : roots_.bundle->Find(hash)) {
        auto read = ReadDerCertificate(entry.der);
        if (read && !consider(std::move(read->certificate), entry.anchor)) {
          return false;
        }
      }
    }
    for (const X509Ptr& hint : offered_) {
      if (!consider(Share(hint.get()), false)) {
        return false;
      }
    }
    if (named && !signed_by_one && found_.unsigned_by.empty()) {
      found_.unsigned_by = NameText(name);
    }
    return true;
  }

  // An anchor ends a path; above another certificate there must be more. What is an anchor counts
  // as one, even when it is offered too.
  void Add(X509Ptr issuer, bool anchor, std::vector<X509*>& above) {
    if (Contains(found_.anchors, *issuer) || (!anchor && Contains(found_.intermediates, *issuer))) {
      return;
    }
    if (!anchor) {
      above.push_back(issuer.get());
    }
    (anchor ? found_.anchors : found_.intermediates).push_back(std::move(issuer));
  }

  static bool Contains(const std::vector<X509Ptr>& certificates, const X509& wanted) {
    return std::any_of(certificates.begin(), certificates.end(), [&](const X509Ptr& certificate) {
      return X509_cmp(certificate.get(), &wanted) == 0;
    });
  }

  const std::vector<X509Ptr>& offered_;
  const EndorsementRoots::State& roots_;
  IssuerCandidates found_;
  size_t signatures_ = 0;
};

}  // namespace

NameHash HashOf(const X509_NAME* name) {
  int ok = 0;
  const unsigned long hash = X509_NAME_hash_ex(name, nullptr, nullptr, &ok);
  return ok == 1 ? static_cast<NameHash>(hash) : 0;
}

X509Ptr Share(X509* certificate) {
  X509_up_ref(certificate);
  return X509Ptr(certificate);
}

Result<IssuerCandidates> CollectCandidates(X509& leaf, const std::vector<X509Ptr>& offered,
                                           const EndorsementRoots& roots) {
  const ErrorQueueGuard guard;
  Collector collector(offered, roots.state());
  if (!collector.Collect(leaf)) {
    return Fail(ErrorCode::kTooLarge, "too many certificates with the names of its issuers");
  }
  return collector.Take();
}

}  // namespace plimsoll::crypto
