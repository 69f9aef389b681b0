#include "kube/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <vector>

#include "fakes/fake_transport.h"

namespace plimsoll::kube {
namespace {

using testing::HasSubstr;
using testing::Pair;

class ClientTest : public testing::Test {
 protected:
  struct Seen {
    std::string verb;
    std::string resource;
    int code;
  };

  fakes::FakeTransport transport_;
  SystemClock clock_;
  std::vector<Seen> seen_;
  Client client_{
      transport_, clock_, [this](const RequestRecord& record) {
        seen_.push_back({std::string(record.verb), std::string(record.resource), record.code});
      }};

  std::string LastPath() { return transport_.requests().back().path_and_query; }

  Error ErrorFor(int status, std::string body, transport::Headers headers = {}) {
    transport_.Answer(status, std::move(body), std::move(headers));
    const auto result = client_.Get({kNode, "a"});
    EXPECT_FALSE(result);
    return result.error();
  }
};

TEST_F(ClientTest, ErrorsSayWhatTheCallerShouldDo) {
  EXPECT_EQ(ErrorFor(404, "{}").code, ErrorCode::kNotFound);
  EXPECT_EQ(ErrorFor(409, "{}").code, ErrorCode::kConflict);
  EXPECT_EQ(ErrorFor(410, "{}").code, ErrorCode::kExpired);
  EXPECT_EQ(ErrorFor(403, "{}").code, ErrorCode::kDenied);
  EXPECT_EQ(ErrorFor(422, "{}").code, ErrorCode::kDenied);
  EXPECT_EQ(ErrorFor(413, "{}").code, ErrorCode::kTooLarge);
  EXPECT_EQ(ErrorFor(302, "{}").code, ErrorCode::kInternal);
  const Error unauthorized = ErrorFor(401, "{}");
  EXPECT_EQ(unauthorized.code, ErrorCode::kDenied);
  EXPECT_EQ(unauthorized.retry, Retry::kRefreshCredentials);
  for (const int status : {429, 500, 503, 504}) {
    const Error error = ErrorFor(status, "{}", {{"retry-after", "7"}});
    EXPECT_EQ(error.code, ErrorCode::kUnavailable);
    EXPECT_EQ(error.retry, Retry::kBackoff);
    EXPECT_EQ(error.retry_after, std::chrono::seconds(7));
  }
}

TEST_F(ClientTest, MessagesAreTheServersWithoutControlCharacters) {
  const Error error =
      ErrorFor(403, R"({"kind":"Status","reason":"Forbidden","message":"no\nway"})");
  EXPECT_EQ(error.message, "get nodes: HTTP 403 Forbidden: no way");
  EXPECT_LT(
      ErrorFor(403, nlohmann::json({{"message", std::string(5000, 'x')}}).dump()).message.size(),
      1200u);
  EXPECT_THAT(ErrorFor(500, "<html>").message, HasSubstr("no readable answer"));
}

TEST_F(ClientTest, SelectorsAreEncodedAndPagesLimited) {
  transport_.Answer(200, "{}");
  ASSERT_TRUE(client_.List({kNode, ""}, {.field_selector = "metadata.name=a",
                                         .label_selector = "a in (b,c)",
                                         .continue_token = "t/=="}));
  EXPECT_EQ(LastPath(),
            "/api/v1/nodes?fieldSelector=metadata.name%3Da&labelSelector=a%20in%20%28b%2Cc%29"
            "&continue=t%2F%3D%3D&limit=500");
}

TEST_F(ClientTest, ApplyNamesManagerAndForce) {
  transport_.Answer(200, "{}");
  ASSERT_TRUE(client_.Patch(
      {kNode, "a"}, PatchType::kApply, "{}",
      {.subresource = "status", .field_manager = "m", .force = true, .dry_run = true}));
  const auto request = transport_.requests().back();
  EXPECT_EQ(request.method, "PATCH");
  EXPECT_EQ(request.path_and_query, "/api/v1/nodes/a/status?fieldManager=m&force=true&dryRun=All");
  EXPECT_THAT(request.headers,
              testing::Contains(Pair("Content-Type", "application/apply-patch+yaml")));
  ASSERT_EQ(seen_.size(), 1u);
  EXPECT_EQ(seen_[0].verb, "apply");
  EXPECT_EQ(seen_[0].resource, "nodes/status");
  EXPECT_EQ(seen_[0].code, 200);
}

TEST_F(ClientTest, UpdateStatusPutsToTheSubresource) {
  transport_.Answer(200, "{}");
  ASSERT_TRUE(client_.UpdateStatus({kNodeAttestation, "a"}, "{\"x\":1}"));
  const auto request = transport_.requests().back();
  EXPECT_EQ(request.method, "PUT");
  EXPECT_EQ(request.path_and_query, "/apis/plimsoll.dev/v1alpha1/nodeattestations/a/status");
  EXPECT_EQ(request.body, "{\"x\":1}");
}

TEST_F(ClientTest, DeleteCarriesItsPreconditions) {
  transport_.Answer(200, "{}");
  ASSERT_TRUE(client_.Delete({kTpmIdentity, "a"}, {.uid = "u", .resource_version = "7"}));
  const auto body = nlohmann::json::parse(transport_.requests().back().body);
  EXPECT_EQ(body["preconditions"]["uid"], "u");
  EXPECT_EQ(body["preconditions"]["resourceVersion"], "7");
}

TEST_F(ClientTest, ARequestWithoutAnAnswerIsCountedAsCodeZero) {
  EXPECT_FALSE(client_.Get({kNode, "a"}));
  ASSERT_EQ(seen_.size(), 1u);
  EXPECT_EQ(seen_[0].code, 0);
}

TEST_F(ClientTest, AWatchThatIsRefusedIsAnError) {
  transport_.AnswerStreamStatus(410, R"({"reason":"Expired"})");
  const auto stream = client_.Watch({kNode, ""}, {.resource_version = "5"});
  ASSERT_FALSE(stream);
  EXPECT_EQ(stream.error().code, ErrorCode::kExpired);
  EXPECT_EQ(
      LastPath(),
      "/api/v1/nodes?watch=true&allowWatchBookmarks=true&resourceVersion=5&timeoutSeconds=300");
}

TEST_F(ClientTest, TheTimeLimitOfACopyIsItsOwn) {
  transport_.Answer(200, "{}");
  transport_.Answer(200, "{}");
  ASSERT_TRUE(client_.WithTimeout(std::chrono::milliseconds(10)).Get({kNode, "a"}));
  EXPECT_EQ(transport_.requests().back().timeout, std::chrono::milliseconds(10));
  ASSERT_TRUE(client_.Get({kNode, "a"}));
  EXPECT_EQ(transport_.requests().back().timeout, std::chrono::seconds(30));
}

TEST(HttpResponse, RetryAfterIsReadAsSecondsOnly) {
  const auto of = [](std::string value) {
    return transport::HttpResponse{503, {{"RETRY-AFTER", std::move(value)}}, {}}.RetryAfter();
  };
  EXPECT_EQ(of("0"), std::chrono::seconds(0));
  EXPECT_EQ(of("17"), std::chrono::seconds(17));
  EXPECT_EQ(of("99999999999999999999"), std::chrono::hours(1));
  EXPECT_EQ(of("-1"), std::nullopt);
  EXPECT_EQ(of("1x"), std::nullopt);
  EXPECT_EQ(of("Wed, 21 Oct 2026 07:28:00 GMT"), std::nullopt);
  EXPECT_EQ(transport::HttpResponse{}.RetryAfter(), std::nullopt);
}

}  // namespace
}  // namespace plimsoll::kube
