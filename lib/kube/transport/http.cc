#include <algorithm>
#include <charconv>

#include "kube/transport/transport.h"

namespace plimsoll::transport {
namespace {

constexpr std::chrono::seconds kMaxRetryAfter{3600};

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool EqualIgnoringCase(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return Lower(x) == Lower(y); });
}

}  // namespace

const std::string* HttpResponse::Header(std::string_view name) const {
  for (const auto& [header, value] : headers) {
    if (EqualIgnoringCase(header, name)) {
      return &value;
    }
  }
  return nullptr;
}

std::optional<std::chrono::seconds> HttpResponse::RetryAfter() const {
  const std::string* value = Header("Retry-After");
  if (value == nullptr) {
    return std::nullopt;
  }
  uint32_t seconds = 0;
  const char* end = value->data() + value->size();
  const auto [rest, problem] = std::from_chars(value->data(), end, seconds);
  if (problem == std::errc::result_out_of_range) {
    return kMaxRetryAfter;
  }
  if (problem != std::errc{} || rest != end) {
    return std::nullopt;
  }
  return std::min(std::chrono::seconds{seconds}, kMaxRetryAfter);
}

}  // namespace plimsoll::transport
