#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace plimsoll {

// What kind of failure an Error is. Kinds are few on purpose: what the caller should do is in
// Error::retry.
enum class ErrorCode : uint8_t {
  kMalformed,    // bytes or text that are not what they must be
  kTooLarge,     // over a limit, refused before it was read
  kNotFound,     // HTTP 404, a missing file, an absent TPM object
  kConflict,     // HTTP 409: stale resourceVersion, field manager conflict, object exists
  kExpired,      // HTTP 410: a watch position the server has forgotten
  kDenied,       // HTTP 401, 403, 422 by admission, TPM authorisation
  kUnavailable,  // no connection, HTTP 429 or 5xx, a TPM that does not answer
  kTimeout,      // a deadline passed or the caller asked to stop
  kUnsupported,  // well-formed, but not something this program handles
  kInternal,     // a library failed in a way that says nothing about the input
};

// What the caller of a failed operation should do next.
enum class Retry : uint8_t {
  kNever,               // the same call will fail again
  kNow,                 // try again at once, a few times
  kBackoff,             // try again later, and ever later
  kRefreshCredentials,  // read token or certificate anew, then try again
  kReconnect,           // make the connection or TPM objects anew, then try again
};

// A failure to do or to find out something. A verdict is never an Error: "the quote is wrong" is an
// appraisal::Appraisal, "it could not be checked" is this.
struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;  // a sentence for people; no secret, no foreign bytes unescaped
  Retry retry = Retry::kNever;
  std::chrono::seconds retry_after{
      0};  // what the peer asked for (HTTP Retry-After); 0 when it asked for nothing
};

template <class T>
using Result = tl::expected<T, Error>;

using Status = Result<void>;

inline tl::unexpected<Error> Fail(ErrorCode code, std::string message,
                                  Retry retry = Retry::kNever) {
  return tl::unexpected<Error>(Error{code, std::move(message), retry});
}

// `error` with what was being done in front: "read EK certificate: NV index is locked".
inline tl::unexpected<Error> Wrap(std::string_view doing, Error error) {
  error.message = std::string(doing) + ": " + error.message;
  return tl::unexpected<Error>(std::move(error));
}

std::string_view ToString(ErrorCode code);

}  // namespace plimsoll

#define PLIMSOLL_CONCAT_(a, b) a##b
#define PLIMSOLL_CONCAT(a, b) PLIMSOLL_CONCAT_(a, b)

// PLIMSOLL_ASSIGN_OR_RETURN(auto x, F()): x is the value of F(), or the function returns F()'s
// error.
#define PLIMSOLL_ASSIGN_OR_RETURN(declaration, expression)                        \
  auto PLIMSOLL_CONCAT(result_, __LINE__) = (expression);                         \
  if (!PLIMSOLL_CONCAT(result_, __LINE__)) {                                      \
    return tl::unexpected(std::move(PLIMSOLL_CONCAT(result_, __LINE__)).error()); \
  }                                                                               \
  declaration = *std::move(PLIMSOLL_CONCAT(result_, __LINE__))

#define PLIMSOLL_RETURN_IF_ERROR(expression)                                      \
  if (auto PLIMSOLL_CONCAT(status_, __LINE__) = (expression);                     \
      !PLIMSOLL_CONCAT(status_, __LINE__)) {                                      \
    return tl::unexpected(std::move(PLIMSOLL_CONCAT(status_, __LINE__)).error()); \
  }
