#include "http/router.h"

#include <gtest/gtest.h>

namespace plimsoll::http {
namespace {

Route RouteOf(Method method, std::string pattern) {
  return {.method = method, .pattern = std::move(pattern), .handler = [](const Request&) {
            return NoContent();
          }};
}

Router Make(std::vector<Route> routes) {
  auto router = Router::Create(std::move(routes));
  EXPECT_TRUE(router) << router.error().message;
  return *std::move(router);
}

std::string Found(const Router& router, Method method, std::string_view path) {
  const auto found = router.Find(method, path);
  if (const auto* match = std::get_if<Router::Match>(&found)) {
    return match->route->pattern;
  }
  if (const auto* other = std::get_if<Router::MethodNotAllowed>(&found)) {
    return "allow " + other->allow;
  }
  return "not found";
}

TEST(Router, ARouteNeedsACredentialUnlessItIsMarkedPublic) {
  EXPECT_EQ(Route().access, Access::kAuthenticated);
}

TEST(Router, ARouteTakesNoBodyUnlessItSaysSo) { EXPECT_EQ(Route().max_body_bytes, 0U); }

TEST(Router, FindsParameters) {
  const Router router = Make({RouteOf(Method::kPost, "/v1/enrollments/{id}/activation")});
  const auto found = router.Find(Method::kPost, "/v1/enrollments/abc/activation");
  ASSERT_TRUE(std::holds_alternative<Router::Match>(found));
  EXPECT_EQ(std::get<Router::Match>(found).parameters, (Parameters{{"id", "abc"}}));
  EXPECT_EQ(Found(router, Method::kPost, "/v1/enrollments/abc"), "not found");
  EXPECT_EQ(Found(router, Method::kPost, "/v1/enrollments/abc/activation/more"), "not found");
}

TEST(Router, PrefersLiteralsWhateverTheMethod) {
  const Router router =
      Make({RouteOf(Method::kGet, "/v1/{thing}"), RouteOf(Method::kPost, "/v1/{thing}"),
            RouteOf(Method::kGet, "/v1/cluster")});
  EXPECT_EQ(Found(router, Method::kGet, "/v1/cluster"), "/v1/cluster");
  EXPECT_EQ(Found(router, Method::kGet, "/v1/other"), "/v1/{thing}");
  EXPECT_EQ(Found(router, Method::kPost, "/v1/cluster"), "allow GET, HEAD");
}

TEST(Router, HeadIsServedByGet) {
  const Router router = Make({RouteOf(Method::kGet, "/a"), RouteOf(Method::kPost, "/b")});
  EXPECT_EQ(Found(router, Method::kHead, "/a"), "/a");
  EXPECT_EQ(Found(router, Method::kHead, "/b"), "allow POST");
}

TEST(Router, NamesAllMethodsOfAPath) {
  const Router router = Make({RouteOf(Method::kGet, "/a"), RouteOf(Method::kDelete, "/a")});
  EXPECT_EQ(Found(router, Method::kPost, "/a"), "allow GET, HEAD, DELETE");
  EXPECT_EQ(Found(router, Method::kOther, "/a"), "allow GET, HEAD, DELETE");
}

TEST(Router, RefusesTablesThatAreNotClear) {
  const auto refused = [](std::vector<Route> routes) { return !Router::Create(std::move(routes)); };
  EXPECT_TRUE(refused({RouteOf(Method::kGet, "/a"), RouteOf(Method::kGet, "/a")}));
  EXPECT_TRUE(refused({RouteOf(Method::kGet, "/{a}"), RouteOf(Method::kGet, "/{b}")}));
  EXPECT_TRUE(refused({RouteOf(Method::kGet, "/{a}"), RouteOf(Method::kPost, "/{b}")}));
  EXPECT_TRUE(refused({RouteOf(Method::kHead, "/a")}));
  EXPECT_TRUE(refused({RouteOf(Method::kOther, "/a")}));
  EXPECT_TRUE(refused({RouteOf(Method::kGet, "a")}));
  EXPECT_TRUE(refused({RouteOf(Method::kGet, "/a/")}));
  EXPECT_TRUE(refused({RouteOf(Method::kGet, "/a%41")}));
  EXPECT_TRUE(refused({RouteOf(Method::kGet, "/{}")}));
  EXPECT_TRUE(refused({RouteOf(Method::kGet, "/x{a}")}));
  EXPECT_TRUE(refused({RouteOf(Method::kGet, "/{a}/{a}")}));
  EXPECT_TRUE(refused({Route{.method = Method::kGet, .pattern = "/a"}}));
}

}  // namespace
}  // namespace plimsoll::http
