#include "crypto/revocation_check.h"

#include <fmt/format.h>

#include "base/encoding.h"
#include "crypto/endorsement_path.h"
#include "crypto/x509.h"

namespace plimsoll::crypto {
namespace {

using DistributionPointPtr = std::unique_ptr<ISSUING_DIST_POINT, Deleter<ISSUING_DIST_POINT_free>>;
using DistributionPointsPtr = std::unique_ptr<CRL_DIST_POINTS, Deleter<CRL_DIST_POINTS_free>>;

// A certificate of the path and the one above it.
struct Question {
  X509& certificate;
  X509& issuer;
  size_t depth;  // of the certificate
};

bool IsSignedStrongly(const X509_CRL& list) {
  int digest = NID_undef;
  OBJ_find_sigid_algs(X509_CRL_get_signature_nid(&list), &digest, nullptr);
  return digest == NID_sha256 || digest == NID_sha384 || digest == NID_sha512;
}

// Whether one of the certificate's distribution points names one of the list's (RFC 5280, 6.3.3 b).
bool NamesDistributionPoint(const X509& certificate, const DIST_POINT_NAME& wanted) {
  if (wanted.type != 0) {
    return false;
  }
  const DistributionPointsPtr points(static_cast<CRL_DIST_POINTS*>(
      X509_get_ext_d2i(&certificate, NID_crl_distribution_points, nullptr, nullptr)));
  for (int i = 0; points && i < sk_DIST_POINT_num(points.get()); ++i) {
    const DIST_POINT* point = sk_DIST_POINT_value(points.get(), i);
    if (point->distpoint == nullptr || point->distpoint->type != 0) {
      continue;
    }
    const GENERAL_NAMES* names = point->distpoint->name.fullname;
    for (int j = 0; j < sk_GENERAL_NAME_num(names); ++j) {
      for (int k = 0; k < sk_GENERAL_NAME_num(wanted.name.fullname); ++k) {
        if (GENERAL_NAME_cmp(sk_GENERAL_NAME_value(names, j),
                             sk_GENERAL_NAME_value(wanted.name.fullname, k)) == 0) {
          return true;
        }
      }
    }
  }
  return false;
}

// Whether the certificate is among those that the list is about.
bool Covers(const X509_CRL& list, const Question& question) {
  int critical = 0;
  const DistributionPointPtr scope(static_cast<ISSUING_DIST_POINT*>(
      X509_CRL_get_ext_d2i(&list, NID_issuing_distribution_point, &critical, nullptr)));
  if (!scope) {
    return critical == -1;  // there is none; else it cannot be read
  }
  if (scope->indirectCRL > 0 || scope->onlyattr > 0 || scope->onlysomereasons != nullptr ||
      (scope->onlyuser > 0 && question.depth > 0) || (scope->onlyCA > 0 && question.depth == 0)) {
    return false;
  }
  return scope->distpoint == nullptr ||
         NamesDistributionPoint(question.certificate, *scope->distpoint);
}

bool UnderstandsExtensions(const X509_CRL& list) {
  for (int i = 0; i < X509_CRL_get_ext_count(&list); ++i) {
    X509_EXTENSION* extension = X509_CRL_get_ext(&list, i);
    const int nid = OBJ_obj2nid(X509_EXTENSION_get_object(extension));
    if (X509_EXTENSION_get_critical(extension) == 1 && nid != NID_issuing_distribution_point &&
        nid != NID_authority_key_identifier && nid != NID_crl_number) {
      return false;
    }
  }
  return true;
}

// Why a list of the issuer's name says nothing about the certificate; empty when it does.
std::string WhyUseless(X509_CRL& list, const Question& question) {
  if (X509_CRL_verify(&list, X509_get0_pubkey(&question.issuer)) != 1) {
    return "is not signed by it";
  }
  if (!IsSignedStrongly(list)) {
    return "is signed with a weak or unknown digest";
  }
  const uint32_t usage = X509_get_key_usage(&question.issuer);
  if (usage != UINT32_MAX && (usage & KU_CRL_SIGN) == 0) {
    return "is signed by a key without key usage cRLSign";
  }
  if (X509_CRL_get_ext_by_NID(&list, NID_delta_crl, -1) >= 0) {
    return "is a delta, not a whole list";
  }
  if (!UnderstandsExtensions(list)) {
    return "has a critical extension that is not understood";
  }
  return Covers(list, question) ? "" : "does not cover this certificate";
}

// Why a useful list is not current; empty when it is.
std::string WhyNotCurrent(const X509_CRL& list, WallTime now) {
  const auto at = std::chrono::floor<std::chrono::seconds>(now);
  const auto begin = ToSeconds(X509_CRL_get0_lastUpdate(&list));
  const auto end = ToSeconds(X509_CRL_get0_nextUpdate(&list));
  if (!begin || !end) {
    return "does not say until when it holds";
  }
  if (*begin > at) {
    return fmt::format("begins only {}", FormatCertificateTime(*begin));
  }
  return *end > at ? "" : fmt::format("expired {}", FormatCertificateTime(*end));
}

std::string SerialText(const X509& certificate) {
  const ASN1_INTEGER* serial = X509_get0_serialNumber(&certificate);
  const ByteSpan bytes(ASN1_STRING_get0_data(serial),
                       static_cast<size_t>(ASN1_STRING_length(serial)));
  const bool negative = ASN1_STRING_type(serial) == V_ASN1_NEG_INTEGER;
  return (negative ? "-" : "") + ToHex(bytes.first(std::min<size_t>(bytes.size(), 32)));
}

bool Lists(X509_CRL& list, X509& certificate, std::string& since) {
  X509_REVOKED* entry = nullptr;
  if (X509_CRL_get0_by_cert(&list, &entry, &certificate) != 1 || entry == nullptr) {
    return false;
  }
  const auto date = ToSeconds(X509_REVOKED_get0_revocationDate(entry));
  since = date ? FormatCertificateTime(*date) : "a time that cannot be read";
  return true;
}

std::optional<ChainRejection> Answer(const Question& question, const RevocationLists& lists,
                                     WallTime now) {
  const X509_NAME* issuer = X509_get_subject_name(&question.issuer);
  const std::string which = DescribeOnPath(question.certificate, question.depth);
  bool current = false;
  std::string problem;
  for (const X509CrlPtr& list : lists.state().lists) {
    if (X509_NAME_cmp(X509_CRL_get_issuer(list.get()), issuer) != 0) {
      continue;
    }
    if (std::string useless = WhyUseless(*list, question); !useless.empty()) {
      problem = std::move(useless);
      continue;
    }
    std::string since;
    if (Lists(*list, question.certificate, since)) {
      return ChainRejection{"C10",
                            fmt::format("{} (serial {}) was revoked by {} on {}", which,
                                        SerialText(question.certificate), NameText(issuer), since)};
    }
    std::string outdated = WhyNotCurrent(*list, now);
    current = current || outdated.empty();
    problem = std::move(outdated);
  }
  if (current) {
    return std::nullopt;
  }
  if (problem.empty()) {
    return ChainRejection{"C10", fmt::format("there is no revocation list of {}, which issued {}",
                                             NameText(issuer), which)};
  }
  return ChainRejection{"C10", fmt::format("the revocation list of {}, which issued {}, {}",
                                           NameText(issuer), which, problem)};
}

}  // namespace

std::optional<ChainRejection> CheckRevocation(const std::vector<X509Ptr>& path,
                                              const RevocationLists& lists, WallTime now) {
  const ErrorQueueGuard guard;
  for (size_t i = 0; i + 1 < path.size(); ++i) {
    if (auto rejection = Answer({*path[i], *path[i + 1], i}, lists, now)) {
      return rejection;
    }
  }
  return std::nullopt;
}

}  // namespace plimsoll::crypto
