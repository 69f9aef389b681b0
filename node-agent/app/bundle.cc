#include "node-agent/attest/bundle.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/clock.h"
#include "crypto/random.h"
#include "evidence/identifiers.h"
#include "node-agent/app/program.h"
#include "node-agent/tpm/device.h"

namespace plimsoll::agent {
namespace {

// The host's name in the form of a Node's.
std::string HostName() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) {
    return "localhost";
  }
  std::string text(name.data());
  for (char& c : text) {
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return evidence::IsNodeName(text) ? text : "localhost";
}

// A bundle names its machine's endorsement key: nobody but the owner may read it.
Status WriteFile(const std::string& path, std::string_view text) {
  constexpr mode_t kOwnerOnly = 0600;
  const int fd = path == "-"
                     ? dup(STDOUT_FILENO)
                     : open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kOwnerOnly);
  if (fd < 0) {
    return Fail(ErrorCode::kUnavailable, fmt::format("cannot open {}: {}", path, strerror(errno)));
  }
  int failed = 0;
  while (!text.empty() && failed == 0) {
    const ssize_t n = write(fd, text.data(), text.size());
    if (n > 0) {
      text.remove_prefix(static_cast<size_t>(n));
    } else if (n < 0 && errno != EINTR) {
      failed = errno;
    }
  }
  if (close(fd) != 0 && failed == 0) {
    failed = errno;
  }
  if (failed != 0) {
    return Fail(ErrorCode::kUnavailable,
                fmt::format("cannot write {}: {}", path, strerror(failed)));
  }
  return {};
}

}  // namespace

int WriteBundle(const Options& options, const BundleCommand& command) {
  tpm::SilenceLibrary();
  const SystemClock clock;
  crypto::SystemRandom random;
  attest::TpmObserver nobody;
  const auto tpm = attest::MakeTpmAccess(options.tcti, clock, nobody, {});
  const attest::BundleOptions wanted{
      .node_name = command.node_name.empty() ? HostName() : command.node_name,
      .profiles = options.key_profiles,
      .host_files = options.host_files,
      .log_files = options.log_files};
  if (!evidence::IsNodeName(wanted.node_name)) {
    std::fprintf(stderr, "plimsoll-agent: --node-name is no name of a Node\n");
    return kExitUsage;
  }
  const auto bundle = attest::MakeBundle(wanted, *tpm, random);
  tpm->Release();
  if (!bundle) {
    std::fprintf(stderr, "plimsoll-agent: no bundle: %s\n", bundle.error().message.c_str());
    return kExitNoBundle;
  }
  if (const auto written = WriteFile(command.output, *bundle); !written) {
    std::fprintf(stderr, "plimsoll-agent: %s\n", written.error().message.c_str());
    return kExitNoBundle;
  }
  return kExitStopped;
}

}  // namespace plimsoll::agent
