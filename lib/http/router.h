#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "http/limits.h"
#include "http/message.h"

namespace plimsoll::http {

// Answers one request. Called on the server's handler threads, several at once; may block, within a
// deadline of its own. What it throws becomes a 500.
using Handler = std::function<Response(const Request&)>;

// Who may call a route. There is no other default than that a credential is needed.
enum class Access : uint8_t {
  kAuthenticated,  // the Authenticator must name a principal
  kPublic,         // anyone: health and metrics only
};

// One row of a program's route table.
struct Route {
  Method method = Method::kGet;
  // "/v1/enrollments/{id}/activation"; a {parameter} is one whole segment.
  std::string pattern = {};
  Handler handler = {};
  size_t max_body_bytes = kNoBody;  // larger bodies are answered with 413
  Access access = Access::kAuthenticated;
  std::string realm = {};  // told to the Authenticator: which kind of credential this route takes
};

// A program's route table. Exact paths, no prefixes; a literal segment is preferred to a
// {parameter}. Immutable, safe to share between threads.
class Router {
 public:
  // Fails with kMalformed on a pattern that is not normalised, a repeated (method, pattern), two
  // patterns that differ in parameter names alone, a row without handler, or of method kHead or
  // kOther.
  static Result<Router> Create(std::vector<Route> routes);

  struct Match {
    const Route* route;  // lives as long as the Router
    Parameters parameters;
  };
  struct NotFound {};
  struct MethodNotAllowed {
    std::string allow;  // "GET, HEAD"
  };

  // `path` is decoded and normalised as in RequestHead. HEAD finds the GET route.
  std::variant<Match, NotFound, MethodNotAllowed> Find(Method method, std::string_view path) const;

  // All rows, for the tests that walk them: default deny, comparison with the OpenAPI document.
  std::span<const Route> routes() const { return routes_; }

 private:
  explicit Router(std::vector<Route> routes);

  std::vector<Route> routes_;
  std::vector<std::vector<std::string>> segments_;  // of each pattern
};

}  // namespace plimsoll::http
