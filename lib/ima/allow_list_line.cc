#include "ima/allow_list_line.h"

#include <fmt/format.h>

#include <algorithm>

#include "ima/text.h"

namespace plimsoll::ima {
namespace {

using tcg::AlgorithmId;

constexpr std::string_view kBufferPrefix = "buf:";
constexpr std::string_view kVerityPrefix = "verity:";

tl::unexpected<std::string> Wrong(std::string message) {
  return tl::unexpected<std::string>(std::move(message));
}

bool IsHexDigit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

std::optional<AlgorithmId> AlgorithmOfHexLength(size_t length) {
  for (const AlgorithmId hash :
       {AlgorithmId::kSha1, AlgorithmId::kSha256, AlgorithmId::kSha384, AlgorithmId::kSha512}) {
    if (2 * tcg::DigestSize(hash) == length) {
      return hash;
    }
  }
  return std::nullopt;
}

}  // namespace

tl::expected<AllowListLine, std::string> ReadAllowListLine(std::string_view line) {
  AllowListLine read;
  if (line.ends_with('\r')) {
    return Wrong("the line ends with a carriage return; write it with a newline alone");
  }
  if (line.starts_with('\\')) {
    read.escaped = true;
    line.remove_prefix(1);
  }
  const auto end = std::find_if_not(line.begin(), line.end(), IsHexDigit);
  read.hex = line.substr(0, static_cast<size_t>(end - line.begin()));
  const std::optional<AlgorithmId> algorithm = AlgorithmOfHexLength(read.hex.size());
  if (!algorithm) {
    return Wrong(
        fmt::format("{} hex digits at the start of \"{}\"; a SHA-1, SHA-256, SHA-384 or SHA-512 "
                    "digest has 40, 64, 96 or 128",
                    read.hex.size(), Escape(line, 40)));
  }
  read.algorithm = *algorithm;
  line.remove_prefix(read.hex.size());
  if (!line.starts_with("  ") && !line.starts_with(" *")) {
    return Wrong("two spaces, or a space and '*', must stand between digest and name");
  }
  read.name = line.substr(2);
  if (read.name.starts_with(kBufferPrefix)) {
    read.subject = Subject::kBuffer;
    read.name.remove_prefix(kBufferPrefix.size());
  } else if (read.name.starts_with(kVerityPrefix)) {
    read.subject = Subject::kVerity;
    read.name.remove_prefix(kVerityPrefix.size());
  }
  if (read.name.empty() || read.name.find('\0') != std::string_view::npos) {
    return Wrong("the name is empty or has a zero byte in it");
  }
  // An escape takes two bytes for one.
  if (read.name.size() > (read.escaped ? 2 : 1) * kMaxPathBytes) {
    return Wrong(
        fmt::format("a name of {} bytes, at most {} are allowed", read.name.size(), kMaxPathBytes));
  }
  return read;
}

tl::expected<std::string, std::string> Unescape(std::string_view name) {
  std::string plain;
  plain.reserve(name.size());
  while (!name.empty()) {
    if (name[0] != '\\') {
      plain += name[0];
      name.remove_prefix(1);
      continue;
    }
    const char next = name.size() > 1 ? name[1] : '\0';
    if (next != '\\' && next != 'n' && next != 'r') {
      return Wrong("a backslash in an escaped name that is not followed by '\\', 'n' or 'r'");
    }
    plain += next == 'n' ? '\n' : next == 'r' ? '\r' : '\\';
    name.remove_prefix(2);
  }
  return plain;
}

}  // namespace plimsoll::ima
