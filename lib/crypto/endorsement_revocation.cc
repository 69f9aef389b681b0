#include "crypto/endorsement_revocation.h"

#include <fmt/format.h>

#include "crypto/revocation_check.h"
#include "crypto/x509.h"

namespace plimsoll::crypto {
namespace {

constexpr uint8_t kDerSequence = 0x30;
constexpr std::string_view kBegin = "-----BEGIN ";

// The list at the beginning of `bytes`, which is cut off them; null when there is none.
X509CrlPtr CutList(ByteSpan& bytes) {
  const unsigned char* at = bytes.data();
  X509CrlPtr list(d2i_X509_CRL(nullptr, &at, static_cast<long>(bytes.size())));
  if (list) {
    bytes = bytes.subspan(static_cast<size_t>(at - bytes.data()));
  }
  return list;
}

Status ReadDer(ByteSpan bytes, std::vector<X509CrlPtr>& lists) {
  while (!bytes.empty()) {
    if (lists.size() == RevocationLists::kMaxLists) {
      return Fail(ErrorCode::kTooLarge,
                  fmt::format("more than {} revocation lists", RevocationLists::kMaxLists));
    }
    X509CrlPtr list = CutList(bytes);
    if (!list) {
      return Fail(ErrorCode::kMalformed,
                  fmt::format("revocation list {} is damaged", lists.size() + 1));
    }
    lists.push_back(std::move(list));
  }
  return {};
}

Status ReadPem(std::string_view pem, std::vector<X509CrlPtr>& lists) {
  if (pem.find(kBegin) == std::string_view::npos) {
    return Fail(ErrorCode::kNotFound, "no revocation list");
  }
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (!bio) {
    return OpenSslFailure("read revocation lists");
  }
  for (size_t at = pem.find(kBegin); at != std::string_view::npos; at = pem.find(kBegin, at + 1)) {
    if (lists.size() == RevocationLists::kMaxLists) {
      return Fail(ErrorCode::kTooLarge,
                  fmt::format("more than {} revocation lists", RevocationLists::kMaxLists));
    }
    const auto block = NextPemBlock(*bio, PEM_STRING_X509_CRL);
    if (!block) {
      return Fail(ErrorCode::kMalformed,
                  fmt::format("PEM block {} is not a revocation list", lists.size() + 1));
    }
    ByteSpan der(*block);
    X509CrlPtr list = CutList(der);
    if (!list || !der.empty()) {
      return Fail(ErrorCode::kMalformed,
                  fmt::format("revocation list {} is damaged", lists.size() + 1));
    }
    lists.push_back(std::move(list));
  }
  return {};
}

}  // namespace

Result<RevocationLists> RevocationLists::Parse(const std::vector<ByteSpan>& parts) {
  const ErrorQueueGuard guard;
  auto state = std::make_shared<State>();
  size_t left = kMaxBytes;
  for (const ByteSpan part : parts) {
    if (part.size() > left) {
      return Fail(ErrorCode::kTooLarge,
                  fmt::format("revocation lists of more than {} bytes", kMaxBytes));
    }
    left -= part.size();
    if (!part.empty() && part.front() == kDerSequence) {
      PLIMSOLL_RETURN_IF_ERROR(ReadDer(part, state->lists));
    } else {
      PLIMSOLL_RETURN_IF_ERROR(ReadPem(AsText(part), state->lists));
    }
  }
  if (state->lists.empty()) {
    return Fail(ErrorCode::kNotFound, "no revocation list");
  }
  return RevocationLists(std::move(state));
}

size_t RevocationLists::count() const { return state_->lists.size(); }

}  // namespace plimsoll::crypto
