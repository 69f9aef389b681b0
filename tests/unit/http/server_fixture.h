#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "http/server.h"
#include "unit/http/raw_client.h"

namespace plimsoll::http {

struct TestPrincipal final : Principal {
  explicit TestPrincipal(std::string n) : node(std::move(n)) {}
  std::string_view name() const override { return node; }
  std::string node;
};

// A gate that threads wait at until it is opened.
class Gate {
 public:
  void Open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void Wait() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.wait(lock, [this] { return open_; });
  }
  int waiting() const {
    const std::lock_guard lock(mutex_);
    return waiting_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  int waiting_ = 0;
};

// Knows "Bearer good…" (the whole token is the principal's name) and some tokens that make trouble.
class FakeAuthenticator final : public Authenticator {
 public:
  explicit FakeAuthenticator(Gate& gate) : gate_(gate) {}
  Authentication Authenticate(const RequestHead& head) override;

  std::vector<RequestHead> heads() const {
    const std::lock_guard lock(mutex_);
    return heads_;
  }

 private:
  Gate& gate_;
  mutable std::mutex mutex_;
  std::vector<RequestHead> heads_;
};

class RecordingObserver final : public Observer {
 public:
  struct Entry {
    std::string route;
    Method method;
    int status;
    size_t request_bytes;
    size_t response_bytes;
  };
  void OnRequest(const RequestRecord& record) override;
  void OnDrop(DropReason reason, std::string_view remote_address) override;
  void OnDefect(std::string_view route, std::string_view what) override;

  std::vector<Entry> requests() const;
  int drops(DropReason reason) const;
  std::vector<std::string> defects() const;

 private:
  mutable std::mutex mutex_;
  std::vector<Entry> requests_;
  std::vector<DropReason> drops_;
  std::vector<std::string> defects_;
};

struct TestCertificate {
  std::string chain_pem;
  std::string key_pem;
};
// Self-signed, P-256.
TestCertificate MakeCertificate(const std::string& common_name);

Secret AsSecret(const std::string& text);

// Polls until `condition` holds; false after ten seconds.
bool Eventually(const std::function<bool()>& condition);

// A server on 127.0.0.1 with routes of every kind:
//   GET  /v1/cluster (agent), GET /v1/nodes/{name}/evidence (auditor), GET /v1/large, GET
//   /v1/throws POST /v1/small (64 KiB), POST /v1/evidence (16 MiB): answer the size of the body
//   POST /v1/blocked: waits at the gate;  GET /public: needs no credential
class ServerTest : public ::testing::Test {
 protected:
  ~ServerTest() override;

  void StartPlain() { Start(Security::kPlain); }
  void StartTls();
  void Start(Security security);

  // Sends one well-formed request.
  static std::string Get(std::string_view target, std::string_view token = "good");
  static std::string Post(std::string_view target, std::string_view body,
                          std::string_view token = "good");
  RawClient Client(const std::string& source = "127.0.0.1") {
    return RawClient(server_->port(), source);
  }
  // Whether a client of its own is served.
  bool Serves(const std::string& source = "127.0.0.1");

  SystemClock clock_;
  Gate gate_;
  FakeAuthenticator authenticator_{gate_};
  RecordingObserver observer_;
  ServerLimits limits_;
  std::unique_ptr<Server> server_;
};

std::vector<Route> TestRoutes(Gate& gate);

// The "reason" of a problem document; empty when it is none.
std::string Reason(const RawResponse& response);

}  // namespace plimsoll::http
