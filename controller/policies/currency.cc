#include "controller/policies/currency.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <condition_variable>
#include <limits>
#include <nlohmann/json.hpp>

namespace plimsoll::controller::policies {
namespace {

using nlohmann::json;

constexpr std::chrono::milliseconds kBetweenTries{50};

// API servers count resourceVersions up; one that does not has none that can be compared.
std::optional<uint64_t> Revision(const std::string& resource_version) {
  uint64_t revision = 0;
  const char* const end = resource_version.data() + resource_version.size();
  const auto [rest, error] = std::from_chars(resource_version.data(), end, revision);
  return error == std::errc() && rest == end ? std::optional(revision) : std::nullopt;
}

template <class T>
void AddLines(std::vector<std::string>& lines, std::string_view kind, const Lookup<T>& lookup) {
  for (const auto& object : lookup.List()) {
    lines.push_back(fmt::format("{} {} {} {}\n", kind, object->meta.name, object->meta.uid,
                                object->meta.generation));
  }
}

std::string Joined(std::vector<std::string> lines) {
  std::sort(lines.begin(), lines.end());
  std::string text;
  for (const std::string& line : lines) {
    text += line;
  }
  return text;
}

}  // namespace

Status Currency::Confirm(const std::string& resource_version) {
  const auto written_at = Revision(resource_version);
  const std::lock_guard lock(mutex_);
  const std::string cached = Cached();
  if (written_at && revision_ && *written_at <= *revision_ && cached == confirmed_) {
    return {};
  }
  uint64_t revision = 0;
  PLIMSOLL_ASSIGN_OR_RETURN(const std::string live, Live(revision));
  if (live != cached) {
    return Fail(ErrorCode::kUnavailable,
                "the policies that this replica knows are not the present ones yet",
                Retry::kBackoff);
  }
  PLIMSOLL_RETURN_IF_ERROR(sources_.texts.Confirm());
  confirmed_ = cached;
  revision_ = revision == 0 ? std::nullopt : std::optional(revision);
  return {};
}

Status Currency::Await(const std::string& resource_version, std::stop_token stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  Status confirmed = Confirm(resource_version);
  for (auto waited = kBetweenTries; !confirmed && waited <= kPatience && !stop.stop_requested();
       waited += kBetweenTries) {
    std::unique_lock lock(mutex);
    never.wait_for(lock, stop, kBetweenTries, [] { return false; });
    confirmed = Confirm(resource_version);
  }
  return confirmed;
}

std::string Currency::Cached() const {
  std::vector<std::string> lines;
  AddLines(lines, kube::kAttestationPolicy.kind, sources_.policies);
  AddLines(lines, kube::kEndorsementAuthority.kind, sources_.authorities);
  AddLines(lines, kube::kReferenceValues.kind, sources_.references);
  return Joined(std::move(lines));
}

// `revision`: the lowest of the lists'; 0 when one cannot be compared.
Result<std::string> Currency::Live(uint64_t& revision) {
  std::vector<std::string> lines;
  revision = std::numeric_limits<uint64_t>::max();
  for (const kube::ResourceKind& kind :
       {kube::kAttestationPolicy, kube::kEndorsementAuthority, kube::kReferenceValues}) {
    kube::ListOptions options;
    options.metadata_only = true;
    for (;;) {
      PLIMSOLL_ASSIGN_OR_RETURN(const std::string page, client_.List({kind, ""}, options));
      PLIMSOLL_ASSIGN_OR_RETURN(const json list, json_fields::ParseObject(page));
      PLIMSOLL_ASSIGN_OR_RETURN(const json metadata, json_fields::Object(list, "metadata"));
      PLIMSOLL_ASSIGN_OR_RETURN(const std::string version,
                                json_fields::String(metadata, "resourceVersion"));
      PLIMSOLL_ASSIGN_OR_RETURN(options.continue_token, json_fields::String(metadata, "continue"));
      PLIMSOLL_ASSIGN_OR_RETURN(const json items, json_fields::List(list, "items"));
      revision = std::min(revision, Revision(version).value_or(0));
      for (const json& item : items) {
        PLIMSOLL_ASSIGN_OR_RETURN(const kube::ObjectMeta meta, kube::ParseObjectMeta(item));
        lines.push_back(
            fmt::format("{} {} {} {}\n", kind.kind, meta.name, meta.uid, meta.generation));
      }
      if (options.continue_token.empty()) {
        break;
      }
    }
  }
  return Joined(std::move(lines));
}

}  // namespace plimsoll::controller::policies
