#include "http/router.h"

#include <algorithm>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "http/target.h"

namespace plimsoll::http {
namespace {

bool IsParameter(std::string_view segment) {
  return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}

std::string_view ParameterName(std::string_view segment) {
  return segment.substr(1, segment.size() - 2);
}

// The pattern with its parameter names blanked: two patterns of one shape match the same paths.
std::string Shape(const std::vector<std::string>& segments) {
  std::string shape;
  for (const std::string& segment : segments) {
    shape += "/";
    shape += IsParameter(segment) ? "{}" : segment;
  }
  return shape;
}

bool Matches(const std::vector<std::string>& pattern, const std::vector<std::string_view>& path) {
  return std::equal(pattern.begin(), pattern.end(), path.begin(), path.end(),
                    [](const std::string& expected, std::string_view actual) {
                      return IsParameter(expected) || expected == actual;
                    });
}

// Whether `a` has a literal in the first segment in which exactly one of the two has one.
bool MoreLiteral(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  for (size_t i = 0; i < a.size(); ++i) {
    if (IsParameter(a[i]) != IsParameter(b[i])) {
      return IsParameter(b[i]);
    }
  }
  return false;
}

Status CheckPattern(const Route& route) {
  const Result<Target> target = ParseTarget(route.pattern);
  if (!target || target->path != route.pattern || !target->query.empty()) {
    return Fail(ErrorCode::kMalformed, "route pattern is not normalised: " + route.pattern);
  }
  std::set<std::string_view> names;
  for (const std::string_view segment : SplitPath(route.pattern)) {
    const bool braced = segment.find_first_of("{}") != std::string_view::npos;
    if (braced && (!IsParameter(segment) ||
                   ParameterName(segment).find_first_of("{}") != std::string_view::npos ||
                   !names.insert(ParameterName(segment)).second)) {
      return Fail(ErrorCode::kMalformed, "route pattern has a bad parameter: " + route.pattern);
    }
  }
  return {};
}

}  // namespace

Result<Router> Router::Create(std::vector<Route> routes) {
  std::set<std::pair<Method, std::string>> shapes;
  std::set<std::pair<std::string, std::string>> spellings;  // shape, pattern
  for (const Route& route : routes) {
    PLIMSOLL_RETURN_IF_ERROR(CheckPattern(route));
    if (!route.handler || route.method == Method::kHead || route.method == Method::kOther) {
      return Fail(ErrorCode::kMalformed, "route has no handler or no method: " + route.pattern);
    }
    std::vector<std::string> segments;
    for (const std::string_view segment : SplitPath(route.pattern)) {
      segments.emplace_back(segment);
    }
    std::string shape = Shape(segments);
    if (!shapes.emplace(route.method, shape).second) {
      return Fail(ErrorCode::kMalformed, "route is declared twice: " + route.pattern);
    }
    const auto other = spellings.lower_bound({shape, ""});
    if (other != spellings.end() && other->first == shape && other->second != route.pattern) {
      return Fail(ErrorCode::kMalformed,
                  "routes differ in parameter names alone: " + route.pattern);
    }
    spellings.emplace(std::move(shape), route.pattern);
  }
  return Router(std::move(routes));
}

Router::Router(std::vector<Route> routes) : routes_(std::move(routes)) {
  segments_.reserve(routes_.size());
  for (const Route& route : routes_) {
    std::vector<std::string>& segments = segments_.emplace_back();
    for (const std::string_view segment : SplitPath(route.pattern)) {
      segments.emplace_back(segment);
    }
  }
}

std::variant<Router::Match, Router::NotFound, Router::MethodNotAllowed> Router::Find(
    Method method, std::string_view path) const {
  const std::vector<std::string_view> segments = SplitPath(path);
  std::optional<size_t> best;
  for (size_t i = 0; i < routes_.size(); ++i) {
    if (Matches(segments_[i], segments) && (!best || MoreLiteral(segments_[i], segments_[*best]))) {
      best = i;
    }
  }
  if (!best) {
    return NotFound{};
  }
  // The pattern is decided by the path alone, so that a method never reaches a less literal one.
  const Method wanted = method == Method::kHead ? Method::kGet : method;
  std::string allow;
  for (const Route& route : routes_) {
    if (route.pattern != routes_[*best].pattern) {
      continue;
    }
    if (route.method == wanted) {
      Match match{.route = &route, .parameters = {}};
      for (size_t i = 0; i < segments.size(); ++i) {
        if (IsParameter(segments_[*best][i])) {
          match.parameters.emplace(ParameterName(segments_[*best][i]), segments[i]);
        }
      }
      return match;
    }
    allow += allow.empty() ? "" : ", ";
    allow += ToString(route.method);
    if (route.method == Method::kGet) {
      allow += ", HEAD";
    }
  }
  return MethodNotAllowed{.allow = std::move(allow)};
}

}  // namespace plimsoll::http
