#include "http/target.h"

#include <gtest/gtest.h>

namespace plimsoll::http {
namespace {

TEST(Target, IsDecodedOnce) {
  const auto target = ParseTarget("/v1/nodes/worker%2d2/evidence?verbose&limit=5&note=a%20b%2525");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->path, "/v1/nodes/worker-2/evidence");
  EXPECT_EQ(target->query, (Parameters{{"verbose", ""}, {"limit", "5"}, {"note", "a b%25"}}));
}

TEST(Target, TheRootIsAPath) {
  ASSERT_TRUE(ParseTarget("/"));
  EXPECT_EQ(ParseTarget("/")->path, "/");
  EXPECT_TRUE(SplitPath("/").empty());
}

class RefusedTarget : public ::testing::TestWithParam<const char*> {};

TEST_P(RefusedTarget, IsMalformed) {
  const auto target = ParseTarget(GetParam());
  ASSERT_FALSE(target);
  EXPECT_EQ(target.error().code, ErrorCode::kMalformed);
}

INSTANTIATE_TEST_SUITE_P(Target, RefusedTarget,
                         ::testing::Values("", "v1", "*", "http://host/v1", "//v1", "/v1/",
                                           "/v1//a", "/v1/./a", "/v1/../a", "/v1/%2e%2E/a",
                                           "/v1/a%2Fb", "/v1/a\\b", "/v1/a%5cb", "/v1/%00",
                                           "/v1/%0a", "/v1/%", "/v1/%4", "/v1/%zz", "/v1/a b",
                                           "/v1/%20", "/v1/\xc3\xa9", "/v1/%c3%a9", "/v1#x",
                                           "/v1?a=1&a=2", "/v1?=1", "/v1?&", "/v1?a=%0d%0a"));

}  // namespace
}  // namespace plimsoll::http
