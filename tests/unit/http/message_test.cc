#include "http/message.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "http/answer.h"

namespace plimsoll::http {
namespace {

const WallTime kTime{std::chrono::seconds(1'795'507'200)};

TEST(ProblemResponse, IsWhatRfc9457Says) {
  const Response response = ProblemResponse(409, "UnknownChallenge", "no such challenge");
  EXPECT_EQ(response.status, 409);
  EXPECT_EQ(response.content_type, "application/problem+json");
  EXPECT_EQ(nlohmann::json::parse(response.body), nlohmann::json({{"type", "about:blank"},
                                                                  {"title", "Conflict"},
                                                                  {"status", 409},
                                                                  {"detail", "no such challenge"},
                                                                  {"reason", "UnknownChallenge"}}));
}

TEST(ProblemResponse, CutsAndCleansItsDetail) {
  const Response response =
      ProblemResponse(400, "RequestMalformed", "a\n\x1b[31m\xff\"" + std::string(10'000, 'x'));
  const auto problem = nlohmann::json::parse(response.body);
  const auto detail = problem.at("detail").get<std::string>();
  EXPECT_LE(detail.size(), 260U);
  EXPECT_EQ(detail.find_first_of("\n\x1b"), std::string::npos);
}

TEST(AnswerHead, HasLengthDateAndNoSniffing) {
  const std::string head = FormatAnswerHead(JsonResponse(200, "{}"), false, kTime);
  EXPECT_EQ(head,
            "HTTP/1.1 200 OK\r\nDate: Tue, 24 Nov 2026 08:00:00 GMT\r\n"
            "Content-Type: application/json\r\nContent-Length: 2\r\nCache-Control: no-store\r\n"
            "X-Content-Type-Options: nosniff\r\n\r\n");
}

TEST(AnswerHead, SaysWhatAStatusNeeds) {
  Response refused = ProblemResponse(401, "Unauthenticated", "");
  EXPECT_NE(FormatAnswerHead(refused, true, kTime).find("WWW-Authenticate: Bearer\r\n"),
            std::string::npos);
  EXPECT_NE(FormatAnswerHead(refused, true, kTime).find("Connection: close\r\n"),
            std::string::npos);
  const Response later = ProblemResponse(429, "TooManyRequests", "", std::chrono::seconds(7));
  EXPECT_NE(FormatAnswerHead(later, false, kTime).find("Retry-After: 7\r\n"), std::string::npos);
  EXPECT_EQ(FormatAnswerHead(NoContent(), false, kTime).find("Content-Length"), std::string::npos);
}

TEST(AnswerHead, AHandlerCannotAddHeaders) {
  Response response = JsonResponse(200, "");
  response.content_type = "text/plain\r\nSet-Cookie: a=b";
  EXPECT_EQ(FormatAnswerHead(response, false, kTime).find("Set-Cookie"), std::string::npos);
}

}  // namespace
}  // namespace plimsoll::http
