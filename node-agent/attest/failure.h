#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <tl/expected.hpp>

#include "base/result.h"

// node-agent/attest is the agent's side of the evidence protocol, version 1: enrolment, the round,
// and when to do the next. What it asks of a TPM is tpm_access.h, of a network
// transport::Transport.

namespace plimsoll::attest {

// Whose fault it is that a step of a round did not work.
enum class Origin : uint8_t {
  kTpm,         // the TPM is absent or failed: told to the controller
  kController,  // not reached, or it refused
  kHost,        // what the agent needs of its own host is not there
};

// Why a round ended without a verdict.
struct Failure {
  Origin origin = Origin::kController;
  Error error;
  std::string reason;  // of the controller's problem document: "UnknownAttestationKey"; else empty
  std::optional<std::chrono::seconds> retry_after;  // what the controller asked for
};

template <class T>
using Outcome = tl::expected<T, Failure>;

inline tl::unexpected<Failure> TpmFailure(Error error) {
  return tl::unexpected(Failure{Origin::kTpm, std::move(error), {}, {}});
}

inline tl::unexpected<Failure> HostFailure(Error error) {
  return tl::unexpected(Failure{Origin::kHost, std::move(error), {}, {}});
}

inline tl::unexpected<Failure> ControllerFailure(Error error) {
  return tl::unexpected(Failure{Origin::kController, std::move(error), {}, {}});
}

}  // namespace plimsoll::attest

// As PLIMSOLL_ASSIGN_OR_RETURN, for a Result whose error becomes the Failure that `wrap` makes.
#define PLIMSOLL_ASSIGN_OR_FAIL(declaration, expression, wrap)           \
  auto PLIMSOLL_CONCAT(outcome_, __LINE__) = (expression);               \
  if (!PLIMSOLL_CONCAT(outcome_, __LINE__)) {                            \
    return wrap(std::move(PLIMSOLL_CONCAT(outcome_, __LINE__)).error()); \
  }                                                                      \
  declaration = *std::move(PLIMSOLL_CONCAT(outcome_, __LINE__))
