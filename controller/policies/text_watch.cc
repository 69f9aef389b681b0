#include "controller/policies/text_watch.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "base/encoding.h"
#include "controller/objects.h"
#include "crypto/digest.h"
#include "kube/informer.h"

namespace plimsoll::controller::policies {
namespace {

using nlohmann::json;

constexpr size_t kMaxConfigMapBytes = size_t{2} * 1024 * 1024;  // etcd takes 1.5 MiB
constexpr std::chrono::seconds kLookAtFilesEvery{5};

// A ConfigMap or ClusterTrustBundle, reduced to its texts.
struct TextObject {
  kube::ObjectMeta meta;
  std::map<std::string, std::shared_ptr<const std::string>> texts;  // "" in a ClusterTrustBundle

  static Result<TextObject> Parse(std::string_view text) {
    TextObject object;
    PLIMSOLL_ASSIGN_OR_RETURN(object.meta, kube::ParseObjectMeta(text));
    PLIMSOLL_ASSIGN_OR_RETURN(const json body, json_fields::ParseObject(text));
    PLIMSOLL_ASSIGN_OR_RETURN(const json data, json_fields::Object(body, "data"));
    for (const auto& [key, value] : data.items()) {
      if (value.is_string()) {
        object.texts[key] = std::make_shared<const std::string>(value.get<std::string>());
      }
    }
    PLIMSOLL_ASSIGN_OR_RETURN(const json binary, json_fields::Object(body, "binaryData"));
    for (const auto& [key, value] : binary.items()) {
      const auto bytes = value.is_string()
                             ? FromBase64(value.get<std::string>(), kMaxConfigMapBytes)
                             : Result<Bytes>(Fail(ErrorCode::kMalformed, ""));
      if (bytes) {
        object.texts[key] = std::make_shared<const std::string>(AsText(*bytes));
      }
    }
    PLIMSOLL_ASSIGN_OR_RETURN(const json spec, json_fields::Object(body, "spec"));
    if (json_fields::Has(spec, "trustBundle")) {
      PLIMSOLL_ASSIGN_OR_RETURN(std::string bundle, json_fields::String(spec, "trustBundle"));
      object.texts[""] = std::make_shared<const std::string>(std::move(bundle));
    }
    return object;
  }
};

std::string NameOf(const TextSource& source) {
  return source.kind == TextSource::Kind::kConfigMap
             ? fmt::format("ConfigMap {}/{}", source.namespace_name, source.name)
             : fmt::format("ClusterTrustBundle {}", source.name);
}

kube::ResourceRef RefOf(const TextSource& source) {
  return source.kind == TextSource::Kind::kConfigMap
             ? kube::ResourceRef{kube::kConfigMap, source.name, source.namespace_name}
             : kube::ResourceRef{kube::kClusterTrustBundle, source.name};
}

Text Missing(std::string problem) {
  Text text;
  text.version.push_back('-');
  text.problem = std::move(problem);
  return text;
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) {
      close(fd_);
    }
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

}  // namespace

std::string ToText(const TextSource& source) {
  switch (source.kind) {
    case TextSource::Kind::kConfigMap:
      return fmt::format("{}, key {}", NameOf(source), source.key);
    case TextSource::Kind::kClusterTrustBundle:
      return NameOf(source);
    case TextSource::Kind::kFile:
      return fmt::format("file {}", source.name);
  }
  return {};
}

struct TextWatch::Object {
  Object(kube::Client& client, const Clock& clock, Random& random, const kube::ResourceRef& watched)
      : ref(watched), informer(client, clock, random, {.resource = watched}, TextObject::Parse) {}

  const kube::ResourceRef ref;

  std::mutex mutex;
  std::string trouble;         // why it cannot be listed or watched; guarded by mutex
  MonotonicTime last_asked{};  // guarded by TextWatch::mutex_
  kube::Informer<TextObject> informer;
};

struct TextWatch::File {
  MonotonicTime looked{};
  std::string stamp;
  Text text;
};

TextWatch::TextWatch(kube::Client& client, const Clock& clock, Random& random,
                     std::string directory, std::function<void()> on_change)
    : client_(client),
      clock_(clock),
      random_(random),
      directory_(std::move(directory)),
      on_change_(std::move(on_change)) {}

TextWatch::~TextWatch() { Stop(); }

void TextWatch::Stop() {
  std::vector<std::shared_ptr<Object>> ending;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    for (const auto& [name, object] : objects_) {
      ending.push_back(object);
    }
  }
  for (const auto& object : ending) {
    object->informer.Stop();
  }
}

Text TextWatch::Get(const TextSource& source) const {
  return source.kind == TextSource::Kind::kFile ? FromFile(source) : FromObject(source);
}

Status TextWatch::Confirm() const {
  std::vector<std::shared_ptr<Object>> watched;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [name, object] : objects_) {
      watched.push_back(object);
    }
  }
  for (const auto& object : watched) {
    const auto present = object->informer.List();
    const auto live = client_.Get(object->ref);
    if (!live && live.error().code != ErrorCode::kNotFound) {
      // One that may not be read is missing for all replicas alike.
      if (live.error().code == ErrorCode::kDenied && present.empty()) {
        continue;
      }
      return Wrap(fmt::format("read {}", object->ref.name), live.error());
    }
    std::string version;
    if (live) {
      PLIMSOLL_ASSIGN_OR_RETURN(const kube::ObjectMeta meta,
                                kube::ParseObjectMeta(std::string_view(*live)));
      version = meta.resource_version;
    }
    if (version != (present.empty() ? "" : present.front()->meta.resource_version)) {
      return Fail(ErrorCode::kUnavailable,
                  fmt::format("the text that this replica knows of {} is not the present one yet",
                              object->ref.name),
                  Retry::kBackoff);
    }
  }
  return {};
}

// Null when there is no room for one more.
std::shared_ptr<TextWatch::Object> TextWatch::Watch(const TextSource& source) const {
  const MonotonicTime now = clock_.Monotonic();
  std::vector<std::shared_ptr<Object>> ending;
  std::shared_ptr<Object> object;
  {
    const std::lock_guard lock(mutex_);
    const auto found = objects_.find(NameOf(source));
    if (found != objects_.end()) {
      found->second->last_asked = now;
      return found->second;
    }
    if (stopped_) {
      return nullptr;
    }
    for (auto it = objects_.begin(); it != objects_.end();) {
      if (now - it->second->last_asked > kForgetAfter) {
        ending.push_back(it->second);
        it = objects_.erase(it);
      } else {
        ++it;
      }
    }
    if (objects_.size() >= kMaxObjects) {
      return nullptr;
    }
    object = std::make_shared<Object>(client_, clock_, random_, RefOf(source));
    object->last_asked = now;
    objects_.emplace(NameOf(source), object);
    Object* const raw = object.get();
    object->informer.Subscribe([this, raw](const auto&) {
      {
        const std::lock_guard changed(raw->mutex);
        raw->trouble.clear();
      }
      on_change_();
    });
    object->informer.OnError([this, raw](const std::string&, const Error& error) {
      {
        const std::lock_guard changed(raw->mutex);
        if (raw->trouble == error.message) {
          return;
        }
        raw->trouble = error.message;
      }
      on_change_();
    });
    object->informer.Start();
  }
  for (const auto& gone : ending) {
    gone->informer.Stop();
  }
  return object;
}

Text TextWatch::FromObject(const TextSource& source) const {
  const auto object = Watch(source);
  if (!object) {
    return Missing(fmt::format("more than {} ConfigMaps and ClusterTrustBundles are referred to",
                               kMaxObjects));
  }
  const auto present = object->informer.List();
  if (present.empty()) {
    const std::lock_guard lock(object->mutex);
    if (!object->trouble.empty()) {
      return Missing(fmt::format("{} cannot be read: {}", NameOf(source), object->trouble));
    }
    return Missing(object->informer.HasSynced()
                       ? fmt::format("{} does not exist", NameOf(source))
                       : fmt::format("{} has not been read yet", NameOf(source)));
  }
  const TextObject& held = *present.front();
  const auto found = held.texts.find(source.key);
  if (found == held.texts.end()) {
    Text text = Missing(fmt::format("{} is not there", ToText(source)));
    text.version = held.meta.resource_version;
    return text;
  }
  Text text;
  text.content = found->second;
  text.version = fmt::format("{}/{}", held.meta.uid, held.meta.resource_version);
  return text;
}

Text TextWatch::FromFile(const TextSource& source) const {
  if (directory_.empty()) {
    return Missing("files are not read: the controller has no allow-list directory");
  }
  const std::lock_guard lock(mutex_);
  auto& file = files_[source.name];
  const MonotonicTime now = clock_.Monotonic();
  if (file && now - file->looked < kLookAtFilesEvery) {
    return file->text;
  }
  if (!file) {
    file = std::make_shared<File>();
  }
  file->looked = now;
  const std::string path = fmt::format("{}/{}", directory_, source.name);
  const Descriptor opened(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (opened.get() < 0 || fstat(opened.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    file->stamp.clear();
    file->text =
        Missing(fmt::format("{} cannot be read in the allow-list directory", ToText(source)));
    return file->text;
  }
  const auto size = static_cast<size_t>(status.st_size);
  const std::string stamp = fmt::format("{}-{}-{}-{}", status.st_ino, status.st_size,
                                        status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
  if (stamp == file->stamp) {
    return file->text;
  }
  if (size > kMaxFileBytes) {
    file->text = Missing(
        fmt::format("{} is larger than {} MiB", ToText(source), kMaxFileBytes / (1024 * 1024)));
    return file->text;
  }
  std::string content(size, '\0');
  size_t done = 0;
  while (done < size) {
    const ssize_t got =
        pread(opened.get(), content.data() + done, size - done, static_cast<off_t>(done));
    if (got <= 0) {
      file->stamp.clear();
      file->text =
          Missing(fmt::format("{} cannot be read in the allow-list directory", ToText(source)));
      return file->text;
    }
    done += static_cast<size_t>(got);
  }
  file->stamp = stamp;
  // By its content, so that replicas with equal files agree.
  std::string version = crypto::Sha256Hex(AsBytes(content));
  file->text =
      Text{std::make_shared<const std::string>(std::move(content)), std::move(version), {}};
  return file->text;
}

}  // namespace plimsoll::controller::policies
