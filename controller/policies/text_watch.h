#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "base/random.h"
#include "controller/policies/texts.h"
#include "kube/client.h"

namespace plimsoll::controller::policies {

// Reads the texts that policy objects refer to, and keeps them true: each ConfigMap and each
// ClusterTrustBundle by a watch of its own on that one object, since the controller may read no
// others; files by their size and time of change.
//
// At most kMaxObjects are watched; what is asked for beyond that has a problem that says so. An
// object that nobody has asked for in kForgetAfter is watched no longer.
class TextWatch final : public Texts {
 public:
  static constexpr size_t kMaxObjects = 64;
  static constexpr size_t kMaxFileBytes = size_t{32} * 1024 * 1024;
  static constexpr std::chrono::minutes kForgetAfter{30};

  // `directory` is where allow-list files are, empty for none. `on_change` is called by foreign
  // threads without a lock whenever a text may be another one. All must outlive the watch.
  TextWatch(kube::Client& client, const Clock& clock, Random& random, std::string directory,
            std::function<void()> on_change);
  ~TextWatch() override;

  Text Get(const TextSource& source) const override;
  Status Confirm() const override;

  // Ends all watches; Get then gives what was last seen.
  void Stop();

 private:
  struct Object;
  struct File;

  Text FromObject(const TextSource& source) const;
  Text FromFile(const TextSource& source) const;
  std::shared_ptr<Object> Watch(const TextSource& source) const;

  kube::Client& client_;
  const Clock& clock_;
  Random& random_;
  const std::string directory_;
  const std::function<void()> on_change_;
  mutable std::mutex mutex_;
  mutable bool stopped_ = false;
  mutable std::map<std::string, std::shared_ptr<Object>> objects_;
  mutable std::map<std::string, std::shared_ptr<File>> files_;
};

}  // namespace plimsoll::controller::policies
