#include "kube/token_review.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "kube/text.h"

namespace plimsoll::kube {
namespace {

using nlohmann::json;

constexpr size_t kMaxTokenBytes = 16 * 1024;
constexpr size_t kMaxErrorBytes = 512;
constexpr JsonLimits kReviewLimits{.max_bytes = size_t{1} << 20, .max_depth = 32};
constexpr std::string_view kExtraPrefix = "authentication.kubernetes.io/";

std::vector<std::string> TextsOf(const json& from, std::string_view key) {
  std::vector<std::string> texts;
  const auto found = from.find(key);
  if (found != from.end() && found->is_array()) {
    for (const json& text : *found) {
      if (text.is_string()) {
        texts.push_back(text.get<std::string>());
      }
    }
  }
  return texts;
}

std::string TextOf(const json& from, std::string_view key) {
  const auto found = from.find(key);
  return found != from.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

// A claim is a list of exactly one text; with several it would not say which one holds.
std::optional<std::string> ClaimOf(const json& extra, std::string_view claim) {
  std::vector<std::string> values = TextsOf(extra, std::string(kExtraPrefix) + std::string(claim));
  if (values.size() != 1 || values.front().empty()) {
    return std::nullopt;
  }
  return std::move(values.front());
}

}  // namespace

bool TokenIdentity::IsFor(std::string_view audience) const {
  return authenticated &&
         std::find(audiences.begin(), audiences.end(), audience) != audiences.end();
}

Result<TokenIdentity> TokenReviewer::Review(std::string_view token, const std::string& audience,
                                            std::stop_token stop) {
  if (token.empty() || token.size() > kMaxTokenBytes ||
      !std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c < '\x7f'; })) {
    return Fail(ErrorCode::kMalformed, "not a bearer token");
  }
  const json review = {{"apiVersion", ApiVersion(kTokenReview)},
                       {"kind", std::string(kTokenReview.kind)},
                       {"spec", {{"token", std::string(token)}, {"audiences", {audience}}}}};
  PLIMSOLL_ASSIGN_OR_RETURN(const std::string text,
                            client_.Create({kTokenReview, {}}, review.dump(), {}, stop));
  PLIMSOLL_ASSIGN_OR_RETURN(const json answer, ParseJson(text, kReviewLimits));
  const auto status = answer.is_object() ? answer.find("status") : answer.end();
  if (status == answer.end() || !status->is_object()) {
    return Fail(ErrorCode::kMalformed, "the TokenReview has no status", Retry::kBackoff);
  }
  TokenIdentity identity;
  const auto authenticated = status->find("authenticated");
  if (authenticated == status->end() || *authenticated != true) {
    identity.error = CutText(TextOf(*status, "error"), kMaxErrorBytes);
    return identity;
  }
  const auto user = status->find("user");
  if (user == status->end() || !user->is_object()) {
    return Fail(ErrorCode::kMalformed, "the TokenReview names no user", Retry::kBackoff);
  }
  identity.authenticated = true;
  identity.audiences = TextsOf(*status, "audiences");
  identity.username = TextOf(*user, "username");
  identity.groups = TextsOf(*user, "groups");
  const auto extra = user->find("extra");
  if (extra != user->end() && extra->is_object()) {
    identity.node_name = ClaimOf(*extra, "node-name");
    identity.node_uid = ClaimOf(*extra, "node-uid");
    identity.pod_name = ClaimOf(*extra, "pod-name");
    identity.pod_uid = ClaimOf(*extra, "pod-uid");
  }
  return identity;
}

}  // namespace plimsoll::kube
