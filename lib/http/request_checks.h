#pragma once

#include <boost/beast/http/fields.hpp>
#include <boost/beast/http/message.hpp>
#include <cstdint>
#include <optional>
#include <tl/expected.hpp>

#include "http/message.h"
#include "http/router.h"

namespace plimsoll::http {

// A request whose headers have passed: what it asks for and how its body comes.
struct CheckedHead {
  RequestHead head;  // all but the fields about the connection
  const Route* route = nullptr;
  bool has_body = false;
  std::optional<uint64_t> content_length;  // nullopt: chunked, if it has a body
  bool expects_continue = false;
  bool keep_alive = true;
};

// A request that is answered from its headers alone.
struct RefusedHead {
  Response response;
  Method method = Method::kOther;
  std::string route;  // empty when none was found
};

// The strict reading of RFC 9112 that leaves no two readings: HTTP/1.1 alone (505); one Host; one
// Content-Length of digits or exactly "Transfer-Encoding: chunked", never both; credentials at most
// once; a target as in target.h (400); no expectation but 100-continue (417). Then the route (404,
// 405) and the size that was announced (413).
tl::expected<CheckedHead, RefusedHead> CheckHead(
    const boost::beast::http::request_header<boost::beast::http::fields>& header,
    const Router& router);

}  // namespace plimsoll::http
