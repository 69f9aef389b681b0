#include "controller/ingest/bearer_token.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/bytes.h"
#include "base/encoding.h"
#include "base/json.h"

namespace plimsoll::controller::ingest {
namespace {

constexpr size_t kMaxTokenBytes = 8 * 1024;
constexpr std::string_view kScheme = "bearer ";
constexpr int64_t kMaxExpiry = int64_t{1} << 33;  // year 2242: what WallTime can hold

tl::unexpected<Error> Refuse() {
  return Fail(ErrorCode::kMalformed, "not a bearer token that a Kubernetes API server issues");
}

bool HasScheme(std::string_view authorization) {
  return authorization.size() > kScheme.size() &&
         std::equal(kScheme.begin(), kScheme.end(), authorization.begin(), [](char want, char c) {
           return want == (c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
         });
}

std::vector<std::string_view> Split(std::string_view text) {
  std::vector<std::string_view> parts;
  size_t begin = 0;
  for (size_t dot = text.find('.'); dot != std::string_view::npos; dot = text.find('.', begin)) {
    parts.push_back(text.substr(begin, dot - begin));
    begin = dot + 1;
  }
  parts.push_back(text.substr(begin));
  return parts;
}

}  // namespace

Result<BearerToken> ParseBearerToken(std::string_view authorization) {
  if (!HasScheme(authorization)) {
    return Refuse();
  }
  const std::string_view token = authorization.substr(kScheme.size());
  const auto parts = Split(token);
  if (token.size() > kMaxTokenBytes || parts.size() != 3) {
    return Refuse();
  }
  Bytes payload;
  for (size_t i = 0; i < parts.size(); ++i) {
    auto decoded = FromBase64Url(parts[i], kMaxTokenBytes);
    if (!decoded || decoded->empty()) {
      return Refuse();
    }
    if (i == 1) {
      payload = *std::move(decoded);
    }
  }
  const auto claims = ParseJson(AsText(payload), {.max_bytes = kMaxTokenBytes});
  if (!claims || !claims->is_object()) {
    return Refuse();
  }
  const auto expires = claims->find("exp");
  if (expires == claims->end() || !expires->is_number_integer()) {
    return Refuse();
  }
  const auto seconds = expires->get<int64_t>();
  if (seconds <= 0 || seconds > kMaxExpiry) {
    return Refuse();
  }
  return BearerToken{.text = token, .expires = WallTime(std::chrono::seconds(seconds))};
}

}  // namespace plimsoll::controller::ingest
