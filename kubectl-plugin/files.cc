#include "kubectl-plugin/files.h"

#include <fmt/format.h>

#include <fstream>
#include <iostream>

#include "kubectl-plugin/terminal.h"

namespace plimsoll::plugin {
namespace {

// Reads in pieces: a pipe or a device has no size to trust.
Result<std::string> ReadStream(std::istream& stream, const std::string& path, size_t max_bytes) {
  constexpr size_t kPiece = 64 * 1024;
  std::string text;
  std::string piece(kPiece, '\0');
  while (stream) {
    stream.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    text.append(piece, 0, static_cast<size_t>(stream.gcount()));
    if (text.size() > max_bytes) {
      return Fail(ErrorCode::kTooLarge, fmt::format("{}: over {} bytes", path, max_bytes));
    }
  }
  if (stream.bad()) {
    return Fail(ErrorCode::kNotFound, path + ": cannot be read");
  }
  return text;
}

}  // namespace

Result<std::string> ReadFile(const std::string& path, size_t max_bytes,
                             const Surroundings& surroundings) {
  if (path == "-") {
    return ReadStream(surroundings.in, "standard input", max_bytes);
  }
  std::ifstream stream(path, std::ios::binary);
  if (!stream) {
    return Fail(ErrorCode::kNotFound, path + ": cannot be opened");
  }
  return ReadStream(stream, path, max_bytes);
}

int Unusable(const Error& error, const Surroundings& surroundings) {
  surroundings.err << "kubectl plimsoll: " << Shown(error.message) << "\n";
  return kExitUnusable;
}

}  // namespace plimsoll::plugin
