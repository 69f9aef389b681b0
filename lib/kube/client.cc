#include "kube/client.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "base/json.h"
#include "kube/text.h"

namespace plimsoll::kube {
namespace {

using transport::HttpRequest;
using transport::HttpResponse;

constexpr size_t kMaxMessageBytes = 1024;
constexpr JsonLimits kStatusLimits{.max_bytes = size_t{1} << 20, .max_depth = 32};

// What a metav1.Status says; empty where it is none.
struct ServerStatus {
  int code = 0;
  std::string reason;
  std::string message;
};

ServerStatus ParseStatus(std::string_view text) {
  ServerStatus status;
  const Result<nlohmann::json> parsed = ParseJson(text, kStatusLimits);
  if (!parsed || !parsed->is_object()) {
    status.message = CutText(parsed ? "" : "no readable answer", kMaxMessageBytes);
    return status;
  }
  const auto code = parsed->find("code");
  if (code != parsed->end() && code->is_number_unsigned() && code->get<uint64_t>() < 1000) {
    status.code = code->get<int>();
  }
  const auto read = [&](const char* key, std::string& to) {
    const auto found = parsed->find(key);
    if (found != parsed->end() && found->is_string()) {
      to = CutText(found->get_ref<const std::string&>(), kMaxMessageBytes);
    }
  };
  read("reason", status.reason);
  read("message", status.message);
  return status;
}

Error ErrorOf(int code, const ServerStatus& status) {
  std::string message = "HTTP " + std::to_string(code);
  if (!status.reason.empty()) {
    message += " " + status.reason;
  }
  if (!status.message.empty()) {
    message += ": " + status.message;
  }
  if (code == 404) {
    return {ErrorCode::kNotFound, std::move(message), Retry::kNever, {}};
  }
  if (code == 409) {
    return {ErrorCode::kConflict, std::move(message), Retry::kNever, {}};
  }
  if (code == 410 || status.reason == "Expired") {
    return {ErrorCode::kExpired, std::move(message), Retry::kNow, {}};
  }
  if (code == 401) {
    return {ErrorCode::kDenied, std::move(message), Retry::kRefreshCredentials, {}};
  }
  if (code == 403 || code == 422) {
    return {ErrorCode::kDenied, std::move(message), Retry::kNever, {}};
  }
  if (code == 413) {
    return {ErrorCode::kTooLarge, std::move(message), Retry::kNever, {}};
  }
  if (code == 429 || code >= 500) {
    return {ErrorCode::kUnavailable, std::move(message), Retry::kBackoff, {}};
  }
  return {ErrorCode::kInternal, std::move(message), Retry::kNever, {}};
}

void AddParameter(std::string& path, std::string_view name, std::string_view value) {
  if (value.empty()) {
    return;
  }
  path += path.find('?') == std::string::npos ? '?' : '&';
  path += name;
  path += '=';
  path += PercentEncode(value);
}

std::string_view ContentType(PatchType type) {
  switch (type) {
    case PatchType::kMerge:
      return "application/merge-patch+json";
    case PatchType::kJson:
      return "application/json-patch+json";
    case PatchType::kApply:
      break;
  }
  return "application/apply-patch+yaml";
}

std::string ResourceName(const ResourceRef& ref, const std::string& subresource) {
  std::string name(ref.kind.plural);
  return subresource.empty() ? name : name + "/" + subresource;
}

}  // namespace

struct Client::Call {
  std::string_view verb;
  std::string resource;
};

Error ErrorFromResponse(const HttpResponse& response) {
  Error error = ErrorOf(response.status, ParseStatus(response.body));
  error.retry_after = response.RetryAfter().value_or(std::chrono::seconds{0});
  return error;
}

Error ErrorFromStatus(std::string_view status_json) {
  const ServerStatus status = ParseStatus(status_json);
  return ErrorOf(status.code == 0 ? 500 : status.code, status);
}

Client::Client(transport::Transport& transport, const Clock& clock, RequestObserver observer)
    : transport_(transport), clock_(clock), observer_(std::move(observer)) {}

Client Client::WithTimeout(std::chrono::milliseconds timeout) const {
  Client client = *this;
  client.timeout_ = timeout;
  return client;
}

void Client::Observe(const Call& call, MonotonicTime started, int code) const {
  if (observer_) {
    observer_({call.verb, call.resource, code, clock_.Monotonic() - started});
  }
}

Result<std::string> Client::Send(const Call& call, HttpRequest request, std::stop_token stop) {
  const MonotonicTime started = clock_.Monotonic();
  request.timeout = timeout_;
  if (request.headers.empty() || request.headers.front().first != "Accept") {
    request.headers.emplace_back("Accept", "application/json");
  }
  Result<HttpResponse> response = transport_.Send(request, stop);
  Observe(call, started, response ? response->status : 0);
  const auto doing = [&] { return std::string(call.verb) + " " + call.resource; };
  if (!response) {
    return Wrap(doing(), response.error());
  }
  if (response->status < 200 || response->status > 299) {
    return Wrap(doing(), ErrorFromResponse(*response));
  }
  return std::move(response->body);
}

Result<std::string> Client::Write(const Call& call, HttpRequest request,
                                  const WriteOptions& options, std::stop_token stop) {
  AddParameter(request.path_and_query, "fieldManager", options.field_manager);
  AddParameter(request.path_and_query, "force", options.force ? "true" : "");
  AddParameter(request.path_and_query, "dryRun", options.dry_run ? "All" : "");
  return Send(call, std::move(request), stop);
}

Result<std::string> Client::Get(const ResourceRef& ref, std::stop_token stop) {
  HttpRequest request;
  request.path_and_query = ResourcePath(ref);
  return Send({"get", ResourceName(ref, {})}, std::move(request), stop);
}

Result<std::string> Client::GetPath(const std::string& path, std::stop_token stop) {
  HttpRequest request;
  request.path_and_query = path;
  return Send({"get", "raw"}, std::move(request), stop);
}

Result<std::string> Client::List(const ResourceRef& ref, const ListOptions& options,
                                 std::stop_token stop) {
  HttpRequest request;
  if (options.metadata_only) {
    request.headers.emplace_back(
        "Accept", "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1");
  }
  std::string& path = request.path_and_query;
  path = ResourcePath(ref);
  AddParameter(path, "fieldSelector", options.field_selector);
  AddParameter(path, "labelSelector", options.label_selector);
  AddParameter(path, "resourceVersion", options.resource_version);
  AddParameter(path, "continue", options.continue_token);
  AddParameter(path, "limit", options.limit > 0 ? std::to_string(options.limit) : "");
  return Send({"list", ResourceName(ref, {})}, std::move(request), stop);
}

Result<std::unique_ptr<transport::Stream>> Client::Watch(const ResourceRef& ref,
                                                         const WatchOptions& options,
                                                         std::stop_token stop) {
  HttpRequest request;
  request.timeout = timeout_;
  request.headers.emplace_back("Accept", "application/json");
  std::string& path = request.path_and_query;
  path = ResourcePath(ref);
  AddParameter(path, "watch", "true");
  AddParameter(path, "allowWatchBookmarks", "true");
  AddParameter(path, "fieldSelector", options.field_selector);
  AddParameter(path, "labelSelector", options.label_selector);
  AddParameter(path, "resourceVersion", options.resource_version);
  AddParameter(path, "timeoutSeconds", std::to_string(options.timeout.count()));

  const Call call{"watch", ResourceName(ref, {})};
  const MonotonicTime started = clock_.Monotonic();
  Result<transport::StreamResponse> response = transport_.OpenStream(request, stop);
  Observe(call, started, response ? response->head.status : 0);
  if (!response) {
    return Wrap("watch " + call.resource, response.error());
  }
  if (!response->stream) {
    return Wrap("watch " + call.resource, ErrorFromResponse(response->head));
  }
  return std::move(response->stream);
}

Result<std::string> Client::Create(const ResourceRef& ref, std::string body,
                                   const WriteOptions& options, std::stop_token stop) {
  HttpRequest request;
  request.method = "POST";
  request.path_and_query = ResourcePath(ref, options.subresource);
  request.body = std::move(body);
  return Write({"create", ResourceName(ref, options.subresource)}, std::move(request), options,
               stop);
}

Result<std::string> Client::Update(const ResourceRef& ref, std::string body,
                                   const WriteOptions& options, std::stop_token stop) {
  HttpRequest request;
  request.method = "PUT";
  request.path_and_query = ResourcePath(ref, options.subresource);
  request.body = std::move(body);
  return Write({"update", ResourceName(ref, options.subresource)}, std::move(request), options,
               stop);
}

Result<std::string> Client::UpdateStatus(const ResourceRef& ref, std::string body,
                                         WriteOptions options, std::stop_token stop) {
  options.subresource = "status";
  return Update(ref, std::move(body), options, stop);
}

Result<std::string> Client::Patch(const ResourceRef& ref, PatchType type, std::string body,
                                  const WriteOptions& options, std::stop_token stop) {
  HttpRequest request;
  request.method = "PATCH";
  request.path_and_query = ResourcePath(ref, options.subresource);
  request.headers.emplace_back("Content-Type", ContentType(type));
  request.body = std::move(body);
  return Write(
      {type == PatchType::kApply ? "apply" : "patch", ResourceName(ref, options.subresource)},
      std::move(request), options, stop);
}

Status Client::Delete(const ResourceRef& ref, const DeleteOptions& options, std::stop_token stop) {
  nlohmann::json preconditions = nlohmann::json::object();
  if (!options.uid.empty()) {
    preconditions["uid"] = options.uid;
  }
  if (!options.resource_version.empty()) {
    preconditions["resourceVersion"] = options.resource_version;
  }
  const nlohmann::json body = {
      {"apiVersion", "v1"}, {"kind", "DeleteOptions"}, {"preconditions", preconditions}};
  HttpRequest request;
  request.method = "DELETE";
  request.path_and_query = ResourcePath(ref);
  request.body = body.dump();
  const Result<std::string> answer =
      Send({"delete", ResourceName(ref, {})}, std::move(request), stop);
  if (!answer) {
    return tl::unexpected(answer.error());
  }
  return {};
}

}  // namespace plimsoll::kube
