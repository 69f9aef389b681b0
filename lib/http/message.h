#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace plimsoll::http {

// Methods that routes can have. HEAD is served by the GET route of the same path, without the body.
// Any other method is 405.
enum class Method : uint8_t { kGet, kHead, kPost, kPut, kPatch, kDelete, kOther };

std::string_view ToString(Method method);

using Parameters = std::map<std::string, std::string, std::less<>>;

// Who made a request, as an Authenticator found out. Programs derive their own: the server only
// needs a name to account to.
class Principal {
 public:
  virtual ~Principal() = default;

  // Stable and unique among principals, for example "node/worker-2".
  virtual std::string_view name() const = 0;
};

// A request as known when its headers are complete and its route is found; the body has not been
// read.
struct RequestHead {
  Method method = Method::kGet;

  // Percent-decoded, beginning with '/', printable ASCII without space and backslash. Never holds
  // an empty, "." or ".." segment or an encoded slash: such targets are answered with 400.
  std::string path;

  // The matching row of the route table.
  std::string route;  // "/v1/nodes/{name}/evidence"
  std::string realm;  // Route::realm
  // Of the pattern: {"name", "worker-2"}; decoded, not empty, otherwise unchecked.
  Parameters parameters;

  // Decoded printable ASCII; "?verbose" is {"verbose", ""}. A repeated key is answered with 400.
  Parameters query;

  // The two headers that carry credentials, whole ("Bearer …"); each at most once, else 400.
  std::optional<std::string> authorization;
  std::optional<std::string> plimsoll_token;  // X-Plimsoll-Token

  std::string remote_address;  // without port: "10.0.3.7", "fd00::7"
  uint64_t connection_id = 0;  // unique for the life of the server

  // This source address has used up its allowance of refused credentials. An Authenticator then
  // answers from what it has cached and refuses the rest with 429: it must not spend API requests
  // on such a source. Never a reason to refuse a credential that is known to be good, since agents
  // behind one NAT share an address.
  bool source_is_suspect = false;
};

struct Request : RequestHead {
  std::string body;                            // at most Route::max_body_bytes
  std::shared_ptr<const Principal> principal;  // null on public routes only

  // The principal as the program's own type; null when there is none or it is another.
  template <class T>
  const T* principal_as() const {
    return dynamic_cast<const T*>(principal.get());
  }
};

// An answer. The server adds Content-Length, Date, Cache-Control: no-store, X-Content-Type-Options,
// WWW-Authenticate on 401, and Connection.
struct Response {
  int status = 200;
  std::string content_type = {};  // not sent when empty
  std::string body = {};
  std::optional<std::chrono::seconds> retry_after = {};  // Retry-After
  std::string allow = {};                                // Allow, on 405
  bool close = false;                                    // close the connection after this answer
};

// `body` is a JSON document.
Response JsonResponse(int status, std::string body);

Response TextResponse(int status, std::string body);

// 204.
Response NoContent();

// RFC 9457: application/problem+json with type "about:blank", title (the status' phrase), status,
// detail and `reason`, a stable CamelCase word. `detail` is a sentence for people: no secret, no
// expected value; it is cut at 256 bytes, and control characters and invalid UTF-8 are replaced.
Response ProblemResponse(int status, std::string_view reason, std::string_view detail,
                         std::optional<std::chrono::seconds> retry_after = std::nullopt);

// "Not Found" for 404.
std::string_view StatusPhrase(int status);

}  // namespace plimsoll::http
