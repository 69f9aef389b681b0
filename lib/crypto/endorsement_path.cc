#include "crypto/endorsement_path.h"

#include <fmt/format.h>
#include <openssl/core_names.h>

#include "crypto/endorsement_candidates.h"
#include "crypto/endorsement_leaf.h"
#include "crypto/roca.h"
#include "crypto/x509.h"

namespace plimsoll::crypto {
namespace {

constexpr size_t kMaxOffered = 8;
constexpr int kMaxDepth = 8;

// RSA of 2048 bits, SHA-256 and the like: OpenSSL's level 2, 112 bits.
constexpr int kAuthLevel = 2;

struct StackDeleter {
  void operator()(STACK_OF(X509) * stack) const { sk_X509_free(stack); }
};
using BorrowedStackPtr = std::unique_ptr<STACK_OF(X509), StackDeleter>;

int OnVerifyStep(int ok, X509_STORE_CTX* context) {
  if (ok == 0 && X509_STORE_CTX_get_error(context) == X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION &&
      UnderstandsCriticalExtensions(*X509_STORE_CTX_get_current_cert(context))) {
    X509_STORE_CTX_set_error(context, X509_V_OK);
    return 1;
  }
  return ok;
}

std::string_view CheckOf(int error) {
  switch (error) {
    case X509_V_ERR_INVALID_CA:
    case X509_V_ERR_PATH_LENGTH_EXCEEDED:
    case X509_V_ERR_KEYUSAGE_NO_CERTSIGN:
      return "C5";
    case X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION:
      return "C7";
    case X509_V_ERR_CERT_NOT_YET_VALID:
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_ERROR_IN_CERT_NOT_BEFORE_FIELD:
    case X509_V_ERR_ERROR_IN_CERT_NOT_AFTER_FIELD:
      return "C8";
    default:
      return "C3";
  }
}

std::string TimeText(const ASN1_TIME* time) {
  const auto seconds = ToSeconds(time);
  return seconds ? FormatCertificateTime(*seconds) : "at a time that cannot be read";
}

std::string Explain(int error, const X509& at, size_t depth, const std::string& unsigned_by) {
  const std::string which = DescribeOnPath(at, depth);
  switch (error) {
    case X509_V_ERR_INVALID_CA:
      return which + " signed a certificate and is not one of a CA";
    case X509_V_ERR_KEYUSAGE_NO_CERTSIGN:
      return which + " signed a certificate and has no key usage keyCertSign";
    case X509_V_ERR_PATH_LENGTH_EXCEEDED:
      return which + " allows fewer CAs below it than there are";
    case X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION:
      return which + " has a critical extension that is not understood";
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return fmt::format("{} is valid only from {}", which, TimeText(X509_get0_notBefore(&at)));
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return fmt::format("{} expired {}", which, TimeText(X509_get0_notAfter(&at)));
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
      return which + " is self-signed and none of the accepted roots";
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      return unsigned_by.empty()
                 ? fmt::format(
                       "the issuer of {}, {}, is neither an accepted CA nor known to "
                       "be below one",
                       which, NameText(X509_get_issuer_name(&at)))
                 : fmt::format("the signature on {} is by none of the certificates of {}", which,
                               unsigned_by);
    default:
      return fmt::format("{}: {}", which, X509_verify_cert_error_string(error));
  }
}

Result<std::vector<X509Ptr>> ReadOffered(const std::vector<Bytes>& offered) {
  if (offered.size() > kMaxOffered) {
    return Fail(ErrorCode::kTooLarge, fmt::format("{} certificates were offered, {} are allowed",
                                                  offered.size(), kMaxOffered));
  }
  std::vector<X509Ptr> hints;
  for (size_t i = 0; i < offered.size(); ++i) {
    const Bytes& der = offered[i];
    auto read = ReadDerCertificate(der);
    if (der.size() > EndorsementCertificate::kMaxBytes || !read || read->size != der.size()) {
      return Fail(ErrorCode::kMalformed, fmt::format("offered certificate {} is not one", i + 1));
    }
    // A key outside the limits, which can take long to use, helps nobody.
    if (ReadCertificateKey(*read->certificate)) {
      hints.push_back(std::move(read->certificate));
    }
  }
  return hints;
}

Result<X509Ptr> ReadLeaf(const EndorsementCertificate& leaf) {
  PLIMSOLL_ASSIGN_OR_RETURN(ReadCertificate read, ReadDerCertificate(leaf.der()));
  if (X509_get0_pubkey(read.certificate.get()) == nullptr) {
    // A key with id-RSAES-OAEP is none to OpenSSL, and without one no path is built. The signature
    // is checked over the bytes that were received, whatever is set here (C14).
    PLIMSOLL_ASSIGN_OR_RETURN(const PkeyPtr key, ReadCertificateKey(*read.certificate));
    if (X509_set_pubkey(read.certificate.get(), key.get()) != 1) {
      return OpenSslFailure("check a chain");
    }
  }
  return std::move(read.certificate);
}

Result<EndorsementPath> CheckPath(X509& leaf, const IssuerCandidates& candidates, WallTime now,
                                  const ChainOptions& options) {
  const StorePtr store(X509_STORE_new());
  const BorrowedStackPtr untrusted(sk_X509_new_null());
  const StoreContextPtr context(X509_STORE_CTX_new());
  bool ready = store && untrusted && context;
  for (const X509Ptr& anchor : candidates.anchors) {
    ready = ready && X509_STORE_add_cert(store.get(), anchor.get()) == 1;
  }
  for (const X509Ptr& intermediate : candidates.intermediates) {
    ready = ready && sk_X509_push(untrusted.get(), intermediate.get()) > 0;
  }
  if (!ready || X509_STORE_CTX_init(context.get(), store.get(), &leaf, untrusted.get()) != 1) {
    return OpenSslFailure("start a chain check");
  }
  X509_VERIFY_PARAM* parameters = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_PARTIAL_CHAIN);
  X509_VERIFY_PARAM_set_depth(parameters, kMaxDepth);
  X509_VERIFY_PARAM_set_auth_level(parameters, kAuthLevel);
  if (options.enforce_validity) {
    X509_VERIFY_PARAM_set_time(parameters, std::chrono::system_clock::to_time_t(now));
  } else {
    X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_NO_CHECK_TIME);
  }
  X509_STORE_CTX_set_verify_cb(context.get(), OnVerifyStep);
  EndorsementPath path;
  if (X509_verify_cert(context.get()) == 1) {
    const STACK_OF(X509)* chain = X509_STORE_CTX_get0_chain(context.get());
    for (int i = 0; i < sk_X509_num(chain); ++i) {
      path.certificates.push_back(Share(sk_X509_value(chain, i)));
    }
    return path;
  }
  const int error = X509_STORE_CTX_get_error(context.get());
  if (error == X509_V_OK || error == X509_V_ERR_OUT_OF_MEM || error == X509_V_ERR_UNSPECIFIED) {
    return OpenSslFailure("check a chain");
  }
  const X509* at = X509_STORE_CTX_get_current_cert(context.get());
  const int depth = X509_STORE_CTX_get_error_depth(context.get());
  path.rejection = ChainRejection{
      CheckOf(error), Explain(error, *(at != nullptr ? at : &leaf),
                              depth > 0 ? static_cast<size_t>(depth) : 0, candidates.unsigned_by)};
  return path;
}

std::optional<ChainRejection> CheckWeakKeys(const std::vector<X509Ptr>& path) {
  for (size_t i = 0; i < path.size(); ++i) {
    BIGNUM* n = nullptr;
    const EVP_PKEY* key = X509_get0_pubkey(path[i].get());
    if (EVP_PKEY_is_a(key, "RSA") != 1 ||
        EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n) != 1) {
      continue;
    }
    const BignumPtr modulus(n);
    Bytes bytes(static_cast<size_t>(BN_num_bytes(n)));
    BN_bn2bin(n, bytes.data());
    if (HasRocaFingerprint(bytes)) {
      return ChainRejection{"K7", fmt::format("the key of {} has a weak modulus (CVE-2017-15361)",
                                              DescribeOnPath(*path[i], i))};
    }
  }
  return std::nullopt;
}

}  // namespace

std::string DescribeOnPath(const X509& certificate, size_t depth) {
  return depth == 0 ? "the EK certificate"
                    : "the CA certificate of " + NameText(X509_get_subject_name(&certificate));
}

Result<EndorsementPath> FindEndorsementPath(const EndorsementCertificate& leaf,
                                            const std::vector<Bytes>& offered,
                                            const EndorsementRoots& roots, WallTime now,
                                            const ChainOptions& options) {
  const ErrorQueueGuard guard;
  const auto hints = ReadOffered(offered);
  if (!hints) {
    return EndorsementPath{{}, ChainRejection{"C3", hints.error().message}};
  }
  PLIMSOLL_ASSIGN_OR_RETURN(const X509Ptr certificate, ReadLeaf(leaf));
  const auto candidates = CollectCandidates(*certificate, *hints, roots);
  if (!candidates) {
    return EndorsementPath{{}, ChainRejection{"C3", candidates.error().message}};
  }
  PLIMSOLL_ASSIGN_OR_RETURN(EndorsementPath path,
                            CheckPath(*certificate, *candidates, now, options));
  if (!path.rejection) {
    path.rejection = CheckEndorsementLeaf(*certificate, options);
  }
  if (!path.rejection) {
    path.rejection = CheckWeakKeys(path.certificates);
  }
  if (path.rejection) {
    path.certificates.clear();
  }
  return path;
}

Result<std::optional<ChainRejection>> VerifyEndorsementChain(const EndorsementCertificate& leaf,
                                                             const std::vector<Bytes>& offered,
                                                             const EndorsementRoots& roots,
                                                             WallTime now, ChainOptions options) {
  PLIMSOLL_ASSIGN_OR_RETURN(EndorsementPath path,
                            FindEndorsementPath(leaf, offered, roots, now, options));
  return std::move(path.rejection);
}

}  // namespace plimsoll::crypto
