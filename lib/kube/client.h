#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "kube/resource.h"
#include "kube/transport/transport.h"

namespace plimsoll::kube {

// One request to the API server, for the metrics. The code is the HTTP status, or 0 when there was
// no response.
struct RequestRecord {
  std::string_view verb;      // get, list, watch, create, update, patch, apply, delete
  std::string_view resource;  // plural, with the subresource behind a slash
  int code;
  std::chrono::duration<double> duration;  // of a watch: until the response began
};
using RequestObserver = std::function<void(const RequestRecord&)>;  // called by the requesting
                                                                    // thread; must be thread-safe

struct ListOptions {
  std::string field_selector = {};  // "metadata.name=worker-1"
  std::string label_selector = {};
  std::string resource_version = {};  // "": the newest; "0": whatever the server has cached
  std::string continue_token = {};    // of the page before
  int limit = 500;
  bool metadata_only = false;  // items are PartialObjectMetadata
};

struct WatchOptions {
  std::string field_selector = {};
  std::string label_selector = {};
  std::string resource_version = {};
  std::chrono::seconds timeout{300};  // after which the server ends the watch
};

struct WriteOptions {
  std::string subresource = {};    // "status"
  std::string field_manager = {};  // "" for the one derived from the user agent; needed for apply
  bool force = false;              // apply only: take fields over from other managers
  bool dry_run = false;
};

enum class PatchType {
  kMerge,  // RFC 7386
  kJson,   // RFC 6902
  kApply,  // server-side apply; the body may be JSON. Name metadata.uid in it, see ApplyFrame
};

struct DeleteOptions {
  std::string uid = {};  // preconditions: 409 when the object is not this one any more
  std::string resource_version = {};
};

// The verbs of the Kubernetes API. Objects go in and come out as JSON text: what they mean is for
// the caller, who decodes what it needs.
//
// Errors by HTTP status (the message is the server's, cut to 1 KiB): 404 kNotFound; 409 kConflict
// (stale resourceVersion, exists already, field manager conflict); 410 kExpired; 401 kDenied with
// kRefreshCredentials; 403 and 422 kDenied; 413 kTooLarge; 429 and 5xx kUnavailable with kBackoff
// and Error::retry_after; any other kInternal. Nothing is retried here. A request may arrive twice
// (transport.h): Create of an object that an earlier copy of the request made is 409, which the
// caller of an idempotent create takes for success.
//
// Thread-safe. Transport, clock and observer must outlive it.
class Client {
 public:
  Client(transport::Transport& transport, const Clock& clock, RequestObserver observer = {});

  // The same client with another limit on the time of a request (30 s), for writes that must be
  // over by a deadline.
  Client WithTimeout(std::chrono::milliseconds timeout) const;

  Result<std::string> Get(const ResourceRef& ref, std::stop_token stop = {});

  // One page of the collection `ref` (without a name), as the server's List object.
  Result<std::string> List(const ResourceRef& ref, const ListOptions& options,
                           std::stop_token stop = {});

  // A stream of watch events, one JSON object a line. With bookmarks.
  Result<std::unique_ptr<transport::Stream>> Watch(const ResourceRef& ref,
                                                   const WatchOptions& options,
                                                   std::stop_token stop = {});

  // Writes answer the object as it then is. Create takes the collection (a ref without a name).
  Result<std::string> Create(const ResourceRef& ref, std::string body,
                             const WriteOptions& options = {}, std::stop_token stop = {});
  Result<std::string> Update(const ResourceRef& ref, std::string body,
                             const WriteOptions& options = {}, std::stop_token stop = {});
  Result<std::string> UpdateStatus(const ResourceRef& ref, std::string body,
                                   WriteOptions options = {}, std::stop_token stop = {});
  Result<std::string> Patch(const ResourceRef& ref, PatchType type, std::string body,
                            const WriteOptions& options = {}, std::stop_token stop = {});
  Status Delete(const ResourceRef& ref, const DeleteOptions& options = {},
                std::stop_token stop = {});

  // GET of any path ("/version"), counted under the resource "raw".
  Result<std::string> GetPath(const std::string& path, std::stop_token stop = {});

 private:
  struct Call;
  Result<std::string> Send(const Call& call, transport::HttpRequest request, std::stop_token stop);
  Result<std::string> Write(const Call& call, transport::HttpRequest request,
                            const WriteOptions& options, std::stop_token stop);
  void Observe(const Call& call, MonotonicTime started, int code) const;

  transport::Transport& transport_;
  const Clock& clock_;
  RequestObserver observer_;
  std::chrono::milliseconds timeout_{30'000};
};

// The Error that a response with a failing status means; see Client.
Error ErrorFromResponse(const transport::HttpResponse& response);

// The Error that a metav1.Status in a watch stream means, where the HTTP status was 200.
Error ErrorFromStatus(std::string_view status_json);

}  // namespace plimsoll::kube
