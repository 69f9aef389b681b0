#pragma once

#include <string>

#include "base/result.h"

// node-agent/collect reads what the host says about itself. It knows neither TPM nor controller.

namespace plimsoll::collect {

// Where it is read. A container has the host's /proc, but its own os-release.
struct HostFiles {
  std::string boot_id = "/proc/sys/kernel/random/boot_id";
  std::string os_release = "/etc/os-release";
};

// The facts of the statement that a quote signs. Free text is fit for the wire
// (evidence::IsFreeText), and empty where the host does not tell.
struct HostFacts {
  std::string boot_id;  // a UUID
  std::string kernel;   // uname -r
  std::string os_image;
  std::string agent_version;
};

// kNotFound or kMalformed when there is no readable boot id; the rest is optional.
Result<HostFacts> CollectHostFacts(const HostFiles& files);

// At most `max` bytes of a regular file, /proc or a ConfigMap; kNotFound when it cannot be opened,
// kTooLarge when there is more.
Result<std::string> ReadSmallFile(const std::string& path, size_t max);

// PRETTY_NAME of an os-release file (os-release(5)); empty when it has none.
std::string PrettyName(const std::string& os_release);

}  // namespace plimsoll::collect
