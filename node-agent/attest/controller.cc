#include "node-agent/attest/controller.h"

#include <fmt/format.h>

#include <utility>

#include "evidence/identifiers.h"
#include "evidence/limits.h"
#include "evidence/problem.h"
#include "kube/transport/token_file.h"
#include "node-agent/collect/host_facts.h"

namespace plimsoll::attest {
namespace {

constexpr size_t kMaxCaBytes = 256 * 1024;
constexpr std::chrono::seconds kRequestTimeout{30};

// What an answer other than a success means. The kinds follow the HTTP status; what to do about it
// is decided by the reason (schedule.h).
Failure FailureOf(const transport::HttpResponse& response) {
  Failure failure{Origin::kController, {ErrorCode::kUnavailable, {}, Retry::kBackoff}, {}, {}};
  failure.retry_after = response.RetryAfter();
  switch (response.status) {
    case 400:
    case 413:
    case 422:
      failure.error.code = ErrorCode::kMalformed;
      break;
    case 401:
    case 403:
      failure.error.code = ErrorCode::kDenied;
      break;
    case 404:
      failure.error.code = ErrorCode::kNotFound;
      break;
    case 409:
      failure.error.code = ErrorCode::kConflict;
      break;
    default:
      break;
  }
  failure.error.message = fmt::format("the controller answered {}", response.status);
  if (const auto problem = evidence::DecodeProblem(response.body)) {
    if (evidence::IsReasonWord(problem->reason)) {
      failure.reason = problem->reason;
      failure.error.message += " " + problem->reason;
    }
    if (evidence::IsFreeText(problem->detail) && !problem->detail.empty()) {
      failure.error.message += ": " + problem->detail;
    }
  }
  return failure;
}

template <class T>
Outcome<T> Decoded(Outcome<transport::HttpResponse> response,
                   Result<T> (*decode)(std::string_view)) {
  if (!response) {
    return tl::unexpected(std::move(response).error());
  }
  auto decoded = decode(response->body);
  if (!decoded) {
    return ControllerFailure(Wrap("the controller's answer", std::move(decoded).error()).value());
  }
  return *std::move(decoded);
}

}  // namespace

Connector MakeConnector(ControllerOptions options) {
  return [options = std::move(options)](
             const std::string& address) -> Result<std::unique_ptr<transport::Transport>> {
    transport::TransportOptions wanted;
    wanted.base_url = "https://" + address;
    wanted.server_name = options.name;
    PLIMSOLL_ASSIGN_OR_RETURN(wanted.ca_pem, collect::ReadSmallFile(options.ca_file, kMaxCaBytes));
    wanted.bearer_token = transport::TokenFromFile(options.token_file);
    wanted.user_agent = "plimsoll-agent/" PLIMSOLL_VERSION;
    wanted.max_body_bytes = evidence::kMaxSmallBodyBytes;
    wanted.min_tls = transport::TlsVersion::k13;
    return transport::MakeTransport(std::move(wanted));
  };
}

Outcome<transport::HttpResponse> Conversation::SendOnce(const transport::HttpRequest& request) {
  if (transport_ == nullptr) {
    PLIMSOLL_ASSIGN_OR_FAIL(transport_, connector_(addresses_[at_]), ControllerFailure);
  }
  auto response = transport_->Send(request, stop_);
  if (!response) {
    return ControllerFailure(
        Wrap("controller at " + addresses_[at_], std::move(response).error()).value());
  }
  answered_ = true;
  if (response->status < 200 || response->status > 299) {
    return tl::unexpected(FailureOf(*response));
  }
  return *std::move(response);
}

Outcome<transport::HttpResponse> Conversation::Send(std::string method, std::string path,
                                                    std::string body) {
  transport::HttpRequest request;
  request.method = std::move(method);
  request.path_and_query = std::move(path);
  if (!body.empty()) {
    request.headers = {{"Content-Type", "application/json"}};
  }
  request.body = std::move(body);
  request.timeout = kRequestTimeout;
  for (size_t tried = 1;; ++tried) {
    auto response = SendOnce(request);
    if (response || answered_ || tried >= addresses_.size() || stop_.stop_requested()) {
      // The next conversation does not begin with an address that did not answer.
      if (!response && !answered_) {
        at_ = (at_ + 1) % addresses_.size();
      }
      return response;
    }
    transport_.reset();
    at_ = (at_ + 1) % addresses_.size();
  }
}

Outcome<evidence::ClusterInfo> Conversation::GetCluster() {
  return Decoded(Send("GET", "/v1/cluster", ""), &evidence::DecodeClusterInfo);
}

Outcome<evidence::EnrollmentResponse> Conversation::Enroll(
    const evidence::EnrollmentRequest& request) {
  return Decoded(Send("POST", "/v1/enrollments", evidence::Encode(request)),
                 &evidence::DecodeEnrollmentResponse);
}

Outcome<evidence::ActivationResponse> Conversation::Activate(
    const std::string& enrollment, const evidence::ActivationRequest& request) {
  return Decoded(
      Send("POST", "/v1/enrollments/" + enrollment + "/activation", evidence::Encode(request)),
      &evidence::DecodeActivationResponse);
}

Outcome<evidence::ChallengeResponse> Conversation::Challenge(
    const evidence::ChallengeRequest& request) {
  return Decoded(Send("POST", "/v1/challenges", evidence::Encode(request)),
                 &evidence::DecodeChallengeResponse);
}

Outcome<evidence::EvidenceResponse> Conversation::SendEvidence(const std::string& challenge,
                                                               const evidence::Evidence& evidence) {
  return Decoded(Send("POST", "/v1/evidence", evidence::EncodeEvidence(challenge, evidence)),
                 &evidence::DecodeEvidenceResponse);
}

Outcome<void> Conversation::Report(const evidence::ReportRequest& request) {
  auto response = Send("POST", "/v1/reports", evidence::Encode(request));
  if (!response) {
    return tl::unexpected(std::move(response).error());
  }
  return {};
}

}  // namespace plimsoll::attest
