#include "http/health.h"

#include <atomic>

#include "unit/http/server_fixture.h"

namespace plimsoll::http {
namespace {

class HealthTest : public ::testing::Test {
 protected:
  HealthTest() {
    HealthEndpoints endpoints;
    endpoints.live = {{"threads", [] { return Status(); }}};
    endpoints.ready = {{"informers",
                        [this]() -> Status {
                          if (!ready_) {
                            return Fail(ErrorCode::kUnavailable, "not synced");
                          }
                          return {};
                        }},
                       {"certificate", [] { return Status(); }}};
    endpoints.metrics = [] { return std::string("up 1\n"); };
    auto router = HealthRouter(std::move(endpoints));
    EXPECT_TRUE(router);
    auto server = Server::Create({.address = "127.0.0.1", .security = Security::kPlain},
                                 *std::move(router), nullptr, clock_);
    EXPECT_TRUE(server);
    server_ = *std::move(server);
  }

  RawResponse Get(const std::string& target) {
    RawClient client(server_->port());
    return *client.Ask("GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n");
  }

  SystemClock clock_;
  std::atomic<bool> ready_ = false;
  std::unique_ptr<Server> server_;
};

TEST_F(HealthTest, AnswersOk) {
  EXPECT_EQ(Get("/livez").status, 200);
  EXPECT_EQ(Get("/livez").body, "ok");
  EXPECT_EQ(Get("/healthz").body, "ok");
}

TEST_F(HealthTest, ListsChecksWhenAsked) {
  EXPECT_EQ(Get("/livez?verbose").body, "[+]threads ok\nlivez check passed\n");
}

TEST_F(HealthTest, NamesWhatFails) {
  const RawResponse failing = Get("/readyz");
  EXPECT_EQ(failing.status, 503);
  EXPECT_EQ(failing.body,
            "[-]informers failed: not synced\n[+]certificate ok\nreadyz check failed\n");
  ready_ = true;
  EXPECT_EQ(Get("/readyz").body, "ok");
}

TEST_F(HealthTest, ServesMetrics) {
  const RawResponse metrics = Get("/metrics");
  EXPECT_EQ(metrics.body, "up 1\n");
  EXPECT_EQ(metrics.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
}

TEST_F(HealthTest, HasNothingElse) {
  EXPECT_EQ(Get("/v1/cluster").status, 404);
  EXPECT_EQ(Get("/").status, 404);
}

}  // namespace
}  // namespace plimsoll::http
