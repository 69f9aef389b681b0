#include "kube/transport/token_file.h"

#include <algorithm>
#include <fstream>
#include <string_view>

namespace plimsoll::transport {
namespace {

constexpr size_t kMaxTokenBytes = 16 * 1024;
constexpr std::string_view kSpace = " \t\r\n";

bool MayStandInToken(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-._~+/=").find(c) != std::string_view::npos;
}

Result<std::string> ReadToken(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return Fail(ErrorCode::kNotFound, "token file " + path + " cannot be opened",
                Retry::kRefreshCredentials);
  }
  std::string text(kMaxTokenBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(file.gcount()));
  if (text.size() > kMaxTokenBytes) {
    return Fail(ErrorCode::kTooLarge, "token file " + path + " is over 16 KiB",
                Retry::kRefreshCredentials);
  }
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string::npos) {
    return Fail(ErrorCode::kMalformed, "token file " + path + " is empty",
                Retry::kRefreshCredentials);
  }
  std::string token = text.substr(begin, text.find_last_not_of(kSpace) + 1 - begin);
  if (!std::all_of(token.begin(), token.end(), MayStandInToken)) {
    return Fail(ErrorCode::kMalformed, "token file " + path + " does not hold a bearer token",
                Retry::kRefreshCredentials);
  }
  return token;
}

}  // namespace

TokenSource TokenFromFile(std::string path) {
  return [path = std::move(path)] { return ReadToken(path); };
}

}  // namespace plimsoll::transport
