#include "http/request_checks.h"

#include <algorithm>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/http/verb.hpp>
#include <charconv>
#include <string>
#include <utility>
#include <variant>

#include "http/target.h"

namespace plimsoll::http {
namespace {

namespace beast = boost::beast::http;
using Header = beast::request_header<beast::fields>;

constexpr std::string_view kPlimsollToken = "X-Plimsoll-Token";

std::string_view View(boost::beast::string_view text) { return {text.data(), text.size()}; }

boost::beast::string_view View(std::string_view text) { return {text.data(), text.size()}; }

Method MethodOf(beast::verb verb) {
  switch (verb) {
    case beast::verb::get:
      return Method::kGet;
    case beast::verb::head:
      return Method::kHead;
    case beast::verb::post:
      return Method::kPost;
    case beast::verb::put:
      return Method::kPut;
    case beast::verb::patch:
      return Method::kPatch;
    case beast::verb::delete_:
      return Method::kDelete;
    default:
      return Method::kOther;
  }
}

Response Malformed(std::string_view detail) {
  return ProblemResponse(400, "RequestMalformed", detail);
}

// How the body comes; nothing two readers could disagree on passes.
std::optional<Response> CheckFraming(const Header& header, CheckedHead& checked) {
  const size_t lengths = header.count(beast::field::content_length);
  const size_t encodings = header.count(beast::field::transfer_encoding);
  if (lengths + encodings > 1) {
    return Malformed("the request tells its length more than once");
  }
  if (encodings == 1) {
    if (!boost::beast::iequals(header[beast::field::transfer_encoding], "chunked")) {
      return Malformed("the only transfer encoding is chunked");
    }
    checked.has_body = true;
    return std::nullopt;
  }
  uint64_t length = 0;
  if (lengths == 1) {
    const std::string_view text = View(header[beast::field::content_length]);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
    if (error != std::errc() || end != text.data() + text.size()) {
      return Malformed("Content-Length is not a number");
    }
  }
  checked.has_body = length > 0;
  checked.content_length = length;
  return std::nullopt;
}

std::optional<Response> CheckExpectation(const Header& header, CheckedHead& checked) {
  const size_t count = header.count(beast::field::expect);
  if (count == 0) {
    return std::nullopt;
  }
  if (count > 1 || !boost::beast::iequals(header[beast::field::expect], "100-continue")) {
    return ProblemResponse(417, "ExpectationFailed", "the only expectation is 100-continue");
  }
  checked.expects_continue = true;
  return std::nullopt;
}

std::optional<Response> CopyCredential(const Header& header, std::string_view name,
                                       std::optional<std::string>& to) {
  const size_t count = header.count(View(name));
  if (count > 1) {
    return Malformed("the request has several credentials of one kind");
  }
  if (count == 1) {
    to = std::string(View(header[View(name)]));
  }
  return std::nullopt;
}

// The checks that need no route.
std::optional<Response> CheckMessage(const Header& header, CheckedHead& checked) {
  if (header.version() != 11) {
    return ProblemResponse(505, "VersionNotSupported", "this server speaks HTTP/1.1");
  }
  if (auto refused = CheckFraming(header, checked)) {
    return refused;
  }
  if (header.count(beast::field::host) != 1) {
    return Malformed("the request needs exactly one Host header");
  }
  if (auto refused = CheckExpectation(header, checked)) {
    return refused;
  }
  if (auto refused = CopyCredential(header, "Authorization", checked.head.authorization)) {
    return refused;
  }
  if (auto refused = CopyCredential(header, kPlimsollToken, checked.head.plimsoll_token)) {
    return refused;
  }
  Result<Target> target = ParseTarget(View(header.target()));
  if (!target) {
    return Malformed(target.error().message);
  }
  checked.head.path = std::move(target->path);
  checked.head.query = std::move(target->query);
  const beast::token_list connection(header[beast::field::connection]);
  checked.keep_alive = std::none_of(
      connection.begin(), connection.end(),
      [](boost::beast::string_view token) { return boost::beast::iequals(token, "close"); });
  return std::nullopt;
}

}  // namespace

tl::expected<CheckedHead, RefusedHead> CheckHead(const Header& header, const Router& router) {
  CheckedHead checked;
  checked.head.method = MethodOf(header.method());
  RefusedHead refused{.response = {}, .method = checked.head.method, .route = {}};
  const auto refuse = [&refused, &checked](Response response) {
    refused.response = std::move(response);
    refused.response.close |= !checked.keep_alive;
    return tl::unexpected<RefusedHead>(std::move(refused));
  };
  if (std::optional<Response> response = CheckMessage(header, checked)) {
    response->close = true;
    return refuse(*std::move(response));
  }
  auto found = router.Find(checked.head.method, checked.head.path);
  if (std::holds_alternative<Router::NotFound>(found)) {
    return refuse(ProblemResponse(404, "NotFound", "there is no such path"));
  }
  if (auto* other = std::get_if<Router::MethodNotAllowed>(&found)) {
    Response response =
        ProblemResponse(405, "MethodNotAllowed", "the path does not have this method");
    response.allow = std::move(other->allow);
    return refuse(std::move(response));
  }
  auto& match = std::get<Router::Match>(found);
  checked.route = match.route;
  checked.head.route = match.route->pattern;
  checked.head.realm = match.route->realm;
  checked.head.parameters = std::move(match.parameters);
  refused.route = checked.head.route;
  if (checked.content_length.value_or(0) > match.route->max_body_bytes) {
    return refuse(ProblemResponse(413, "TooLarge", "the body is larger than this path takes"));
  }
  return checked;
}

}  // namespace plimsoll::http
