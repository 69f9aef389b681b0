#pragma once

#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "crypto/serving_authority.h"
#include "fakes/fake_controller.h"
#include "http/server.h"

namespace plimsoll::testing {

// A FakeController behind the real HTTPS server, with a CA of its own. Takes any bearer token and
// remembers which.
class ControllerServer final : public http::Authenticator {
 public:
  static constexpr char kName[] = "plimsoll-controller.plimsoll-system.svc";

  explicit ControllerServer(fakes::FakeController& controller) : controller_(controller) {}

  Status Start() {
    std::vector<http::Route> routes;
    const auto add = [&](http::Method method, const char* pattern, size_t max) {
      routes.push_back({method,
                        pattern,
                        [this](const http::Request& request) { return Answer(request); },
                        max,
                        http::Access::kAuthenticated,
                        {}});
    };
    add(http::Method::kGet, "/v1/cluster", http::kNoBody);
    add(http::Method::kPost, "/v1/enrollments", http::kMaxSmallBodyBytes);
    add(http::Method::kPost, "/v1/enrollments/{id}/activation", http::kMaxSmallBodyBytes);
    add(http::Method::kPost, "/v1/challenges", http::kMaxSmallBodyBytes);
    add(http::Method::kPost, "/v1/evidence", http::kMaxEvidenceBodyBytes);
    add(http::Method::kPost, "/v1/reports", http::kMaxSmallBodyBytes);
    PLIMSOLL_ASSIGN_OR_RETURN(http::Router router, http::Router::Create(std::move(routes)));
    http::ServerOptions options;
    options.address = "127.0.0.1";
    PLIMSOLL_ASSIGN_OR_RETURN(server_,
                              http::Server::Create(options, std::move(router), this, clock_));
    return ChangeCa();
  }

  // From now on with a certificate of a new CA.
  Status ChangeCa() {
    PLIMSOLL_ASSIGN_OR_RETURN(const auto authority,
                              crypto::ServingAuthority::Create(clock_.Wall()));
    PLIMSOLL_ASSIGN_OR_RETURN(const auto certificate,
                              authority.Issue({{kName}, {}}, clock_.Wall(), std::chrono::hours(1)));
    ca_pem_ = authority.certificate_pem();
    return server_->SetServingCertificate(certificate.certificate_pem, certificate.private_key_pem);
  }

  std::string address() const { return "127.0.0.1:" + std::to_string(server_->port()); }
  const std::string& ca_pem() const { return ca_pem_; }

  std::set<std::string> tokens() const {
    const std::lock_guard lock(mutex_);
    return tokens_;
  }
  std::set<uint64_t> connections() const {
    const std::lock_guard lock(mutex_);
    return connections_;
  }

  http::Authentication Authenticate(const http::RequestHead& head) override {
    const std::lock_guard lock(mutex_);
    tokens_.insert(head.authorization.value_or(""));
    connections_.insert(head.connection_id);
    return std::make_shared<const Node>();
  }

 private:
  class Node final : public http::Principal {
   public:
    std::string_view name() const override { return "node/worker-1"; }
  };

  http::Response Answer(const http::Request& request) {
    transport::HttpRequest forwarded;
    forwarded.method = std::string(http::ToString(request.method));
    forwarded.path_and_query = request.path;
    forwarded.body = request.body;
    transport::HttpResponse answer = controller_.Handle(forwarded);
    http::Response response;
    response.status = answer.status;
    if (const std::string* type = answer.Header("Content-Type")) {
      response.content_type = *type;
    }
    response.retry_after = answer.RetryAfter();
    response.body = std::move(answer.body);
    return response;
  }

  fakes::FakeController& controller_;
  const SystemClock clock_;
  std::string ca_pem_;
  mutable std::mutex mutex_;
  std::set<std::string> tokens_;
  std::set<uint64_t> connections_;
  std::unique_ptr<http::Server> server_;
};

}  // namespace plimsoll::testing
