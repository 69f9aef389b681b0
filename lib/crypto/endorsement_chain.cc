#include "crypto/endorsement_chain.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "crypto/x509.h"

namespace plimsoll::crypto {

struct EndorsementRoots::State {
  StorePtr anchors;  // thread-safe by OpenSSL's own locks; nothing is added after FromPem
  std::vector<X509Ptr> intermediates;
  size_t anchor_count = 0;
  std::chrono::sys_seconds earliest_expiry = std::chrono::sys_seconds::max();
};

namespace {

constexpr size_t kMaxOffered = 8;
constexpr int kMaxDepth = 8;

// RSA of 2048 bits, SHA-256 and the like: OpenSSL's level 2, 112 bits.
constexpr int kAuthLevel = 2;

constexpr std::string_view kEndorsementKeyUsage = "2.23.133.8.1";  // tcg-kp-EKCertificate

// Says which specification a TPM follows: nothing that a verifier has to obey (C7).
constexpr std::string_view kSubjectDirectoryAttributes = "2.5.29.9";

struct ExtendedKeyUsageDeleter {
  void operator()(EXTENDED_KEY_USAGE* usage) const { EXTENDED_KEY_USAGE_free(usage); }
};
using ExtendedKeyUsagePtr = std::unique_ptr<EXTENDED_KEY_USAGE, ExtendedKeyUsageDeleter>;

struct StackDeleter {
  void operator()(STACK_OF(X509) * stack) const { sk_X509_free(stack); }
};
using BorrowedStackPtr = std::unique_ptr<STACK_OF(X509), StackDeleter>;

bool IsObject(const ASN1_OBJECT* object, std::string_view oid) {
  std::array<char, 64> text{};
  const int size = OBJ_obj2txt(text.data(), text.size(), object, 1);
  return size > 0 && static_cast<size_t>(size) < text.size() && oid == text.data();
}

bool UnderstandsCriticalExtensions(X509& certificate) {
  for (int i = 0; i < X509_get_ext_count(&certificate); ++i) {
    X509_EXTENSION* extension = X509_get_ext(&certificate, i);
    if (X509_EXTENSION_get_critical(extension) == 1 && X509_supported_extension(extension) != 1 &&
        !IsObject(X509_EXTENSION_get_object(extension), kSubjectDirectoryAttributes)) {
      return false;
    }
  }
  return true;
}

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

// What OpenSSL's path check leaves open: that the leaf is an endorsement certificate (C5).
std::optional<ChainRejection> CheckLeaf(X509& leaf, const ChainOptions& options) {
  // Of a CA without keyCertSign, X509_check_ca says that it is none.
  if (X509_check_ca(&leaf) != 0 || (X509_get_extension_flags(&leaf) & EXFLAG_CA) != 0) {
    return ChainRejection{"C5", "EK certificate is one of a CA"};
  }
  const EVP_PKEY* key = X509_get0_pubkey(&leaf);
  const bool elliptic = key != nullptr && EVP_PKEY_is_a(key, "EC") == 1;
  const uint32_t usage = X509_get_key_usage(&leaf);
  const uint32_t demanded = elliptic ? KU_KEY_AGREEMENT : KU_KEY_ENCIPHERMENT;
  if (usage == UINT32_MAX || (usage & demanded) == 0) {
    return ChainRejection{"C5", fmt::format("EK certificate has no key usage {}",
                                            elliptic ? "keyAgreement" : "keyEncipherment")};
  }
  const ExtendedKeyUsagePtr extended(static_cast<EXTENDED_KEY_USAGE*>(
      X509_get_ext_d2i(&leaf, NID_ext_key_usage, nullptr, nullptr)));
  if (!extended) {
    return options.require_extended_key_usage
               ? std::optional(ChainRejection{"C5", "EK certificate has no extended key usage"})
               : std::nullopt;
  }
  for (int i = 0; i < sk_ASN1_OBJECT_num(extended.get()); ++i) {
    if (IsObject(sk_ASN1_OBJECT_value(extended.get(), i), kEndorsementKeyUsage)) {
      return std::nullopt;
    }
  }
  return ChainRejection{"C5", "EK certificate's extended key usage is not tcg-kp-EKCertificate"};
}

Result<BorrowedStackPtr> CollectUntrusted(const std::vector<X509Ptr>& configured,
                                          const std::vector<X509Ptr>& offered) {
  BorrowedStackPtr stack(sk_X509_new_null());
  if (!stack) {
    return OpenSslFailure("collect intermediate certificates");
  }
  // The configured ones first: of two with the same name, OpenSSL takes the first.
  for (const auto* certificates : {&configured, &offered}) {
    for (const X509Ptr& certificate : *certificates) {
      if (sk_X509_push(stack.get(), certificate.get()) <= 0) {
        return OpenSslFailure("collect intermediate certificates");
      }
    }
  }
  return stack;
}

Result<std::optional<ChainRejection>> CheckPath(X509& leaf, STACK_OF(X509) & untrusted,
                                                X509_STORE& anchors, WallTime now,
                                                const ChainOptions& options) {
  const StoreContextPtr context(X509_STORE_CTX_new());
  if (!context || X509_STORE_CTX_init(context.get(), &anchors, &leaf, &untrusted) != 1) {
    return OpenSslFailure("start a chain check");
  }
  X509_VERIFY_PARAM* parameters = X509_STORE_CTX_get0_param(context.get());
  unsigned long flags = X509_V_FLAG_PARTIAL_CHAIN;
  if (!options.enforce_validity) {
    flags |= X509_V_FLAG_NO_CHECK_TIME;
  }
  X509_VERIFY_PARAM_set_flags(parameters, flags);
  X509_VERIFY_PARAM_set_depth(parameters, kMaxDepth);
  X509_VERIFY_PARAM_set_auth_level(parameters, kAuthLevel);
  if (options.enforce_validity) {
    X509_VERIFY_PARAM_set_time(parameters, std::chrono::system_clock::to_time_t(now));
  }
  X509_STORE_CTX_set_verify_cb(context.get(), OnVerifyStep);
  if (X509_verify_cert(context.get()) == 1) {
    return std::nullopt;
  }
  const int error = X509_STORE_CTX_get_error(context.get());
  if (error == X509_V_OK || error == X509_V_ERR_OUT_OF_MEM || error == X509_V_ERR_UNSPECIFIED) {
    return OpenSslFailure("check a chain");
  }
  return ChainRejection{CheckOf(error), fmt::format("certificate chain, depth {}: {}",
                                                    X509_STORE_CTX_get_error_depth(context.get()),
                                                    X509_verify_cert_error_string(error))};
}

}  // namespace

Result<EndorsementRoots> EndorsementRoots::FromPem(std::string_view anchors,
                                                   std::string_view intermediates) {
  const ErrorQueueGuard guard;
  auto state = std::make_shared<State>();
  state->anchors.reset(X509_STORE_new());
  if (!state->anchors) {
    return OpenSslFailure("make a certificate store");
  }
  PLIMSOLL_ASSIGN_OR_RETURN(const std::vector<X509Ptr> roots,
                            ReadPemCertificates(anchors, kMaxPemBytes, kMaxCertificates));
  if (roots.empty()) {
    return Fail(ErrorCode::kNotFound, "no certificate to trust");
  }
  for (const X509Ptr& root : roots) {
    const size_t number = ++state->anchor_count;
    if (X509_check_ca(root.get()) == 0) {
      return Fail(ErrorCode::kMalformed, fmt::format("certificate {} is not one of a CA", number));
    }
    if (X509_STORE_add_cert(state->anchors.get(), root.get()) != 1) {
      return OpenSslFailure("add a certificate");
    }
    PLIMSOLL_ASSIGN_OR_RETURN(const auto expiry, ToSeconds(X509_get0_notAfter(root.get())));
    state->earliest_expiry = std::min(state->earliest_expiry, expiry);
  }
  PLIMSOLL_ASSIGN_OR_RETURN(state->intermediates,
                            ReadPemCertificates(intermediates, kMaxPemBytes, kMaxCertificates));
  return EndorsementRoots(std::move(state));
}

size_t EndorsementRoots::anchor_count() const { return state_->anchor_count; }

std::chrono::sys_seconds EndorsementRoots::earliest_expiry() const {
  return state_->earliest_expiry;
}

Result<std::optional<ChainRejection>> VerifyEndorsementChain(const EndorsementCertificate& leaf,
                                                             const std::vector<Bytes>& offered,
                                                             const EndorsementRoots& roots,
                                                             WallTime now, ChainOptions options) {
  const ErrorQueueGuard guard;
  if (offered.size() > kMaxOffered) {
    return ChainRejection{"C3", fmt::format("{} certificates were offered", offered.size())};
  }
  std::vector<X509Ptr> hints;
  for (const Bytes& der : offered) {
    auto read = ReadDerCertificate(der);
    if (der.size() > EndorsementCertificate::kMaxBytes || !read || read->size != der.size()) {
      return ChainRejection{"C3",
                            fmt::format("offered certificate {} is not one", hints.size() + 1)};
    }
    hints.push_back(std::move(read->certificate));
  }
  PLIMSOLL_ASSIGN_OR_RETURN(const ReadCertificate read, ReadDerCertificate(leaf.der()));
  if (X509_get0_pubkey(read.certificate.get()) == nullptr) {
    // A key with id-RSAES-OAEP is none to OpenSSL, and without one no path is built. The signature
    // is checked over the bytes that were received, whatever is set here (C14).
    PLIMSOLL_ASSIGN_OR_RETURN(const PkeyPtr key, ReadCertificateKey(*read.certificate));
    if (X509_set_pubkey(read.certificate.get(), key.get()) != 1) {
      return OpenSslFailure("check a chain");
    }
  }
  PLIMSOLL_ASSIGN_OR_RETURN(const BorrowedStackPtr untrusted,
                            CollectUntrusted(roots.state().intermediates, hints));
  PLIMSOLL_ASSIGN_OR_RETURN(
      std::optional<ChainRejection> rejection,
      CheckPath(*read.certificate, *untrusted, *roots.state().anchors, now, options));
  return rejection ? rejection : CheckLeaf(*read.certificate, options);
}

}  // namespace plimsoll::crypto
