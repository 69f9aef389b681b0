#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace plimsoll::ima {

inline constexpr size_t kMaxExcludePatterns = 64;
inline constexpr size_t kMaxExcludePatternBytes = 1024;

// Names that no rule looks at (I10): a hiding place that a policy's author makes with open eyes.
// RE2 syntax on UTF-8, always matched against the whole name; a dot matches neither a newline nor a
// byte that is not UTF-8. Time is linear in the name, memory bounded. Thread-safe.
class ExcludePatterns {
 public:
  // None: nothing is excluded.
  ExcludePatterns();

  // Fails with kMalformed or kTooLarge, naming the pattern's index and what is wrong with it.
  static Result<ExcludePatterns> Compile(std::span<const std::string> patterns);

  ExcludePatterns(ExcludePatterns&&) noexcept;
  ExcludePatterns& operator=(ExcludePatterns&&) noexcept;
  ~ExcludePatterns();

  bool Matches(std::string_view name) const;
  bool empty() const;

 private:
  struct Pattern;
  std::vector<std::unique_ptr<const Pattern>> patterns_;
};

}  // namespace plimsoll::ima
