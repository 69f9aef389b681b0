#include "node-agent/collect/host_facts.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>

#include "evidence/identifiers.h"

namespace plimsoll::collect {
namespace {

constexpr size_t kMaxBootIdBytes = 64;
constexpr size_t kMaxOsReleaseBytes = 16 * 1024;

std::string FreeTextOrNothing(std::string text) {
  return evidence::IsFreeText(text) ? std::move(text) : std::string();
}

std::string_view WithoutSpaces(std::string_view text) {
  constexpr std::string_view kSpaces = " \t\r\n";
  const size_t first = text.find_first_not_of(kSpaces);
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(kSpaces) - first + 1);
}

}  // namespace

Result<std::string> ReadSmallFile(const std::string& path, size_t max) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) {
    return Fail(ErrorCode::kNotFound, fmt::format("cannot open {}: {}", path, strerror(errno)),
                Retry::kBackoff);
  }
  // One byte more than is allowed: the size of a file in /proc cannot be asked for.
  std::string text(max + 1, '\0');
  size_t size = 0;
  ssize_t n = 0;
  do {
    n = read(fd, text.data() + size, text.size() - size);
    size += n > 0 ? static_cast<size_t>(n) : 0;
  } while ((n > 0 && size < text.size()) || (n < 0 && errno == EINTR));
  const int failed = n < 0 ? errno : 0;
  close(fd);
  if (failed != 0) {
    return Fail(ErrorCode::kUnavailable, fmt::format("cannot read {}: {}", path, strerror(failed)),
                Retry::kBackoff);
  }
  if (size > max) {
    return Fail(ErrorCode::kTooLarge, fmt::format("{} is over {} bytes", path, max));
  }
  text.resize(size);
  return text;
}

std::string PrettyName(const std::string& os_release) {
  constexpr std::string_view kKey = "PRETTY_NAME=";
  std::string_view rest = os_release;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = WithoutSpaces(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (!line.starts_with(kKey)) {
      continue;
    }
    line.remove_prefix(kKey.size());
    if (line.size() >= 2 && (line.front() == '"' || line.front() == '\'') &&
        line.back() == line.front()) {
      line = line.substr(1, line.size() - 2);
    }
    // The escapes of a shell's double quotes.
    std::string name;
    for (size_t i = 0; i < line.size(); ++i) {
      if (line[i] == '\\' && i + 1 < line.size()) {
        ++i;
      }
      name.push_back(line[i]);
    }
    return name;
  }
  return {};
}

Result<HostFacts> CollectHostFacts(const HostFiles& files) {
  HostFacts facts;
  PLIMSOLL_ASSIGN_OR_RETURN(const std::string boot_id,
                            ReadSmallFile(files.boot_id, kMaxBootIdBytes));
  facts.boot_id = WithoutSpaces(boot_id);
  if (!evidence::IsUuid(facts.boot_id)) {
    return Fail(ErrorCode::kMalformed, fmt::format("{} does not hold a UUID", files.boot_id));
  }
  utsname system{};
  if (uname(&system) == 0) {
    facts.kernel = FreeTextOrNothing(system.release);
  }
  if (const auto os_release = ReadSmallFile(files.os_release, kMaxOsReleaseBytes)) {
    facts.os_image = FreeTextOrNothing(PrettyName(*os_release));
  }
  facts.agent_version = PLIMSOLL_VERSION;
  return facts;
}

}  // namespace plimsoll::collect
