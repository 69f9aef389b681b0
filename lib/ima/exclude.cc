#include "ima/exclude.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>

#include "ima/text.h"

namespace plimsoll::ima {
namespace {

constexpr int64_t kMaxPatternMemory = 1024 * 1024;  // program and automaton, each pattern

}  // namespace

struct ExcludePatterns::Pattern {
  explicit Pattern(const std::string& text, const re2::RE2::Options& options)
      : regex(text, options) {}

  re2::RE2 regex;
};

ExcludePatterns::ExcludePatterns() = default;
ExcludePatterns::ExcludePatterns(ExcludePatterns&&) noexcept = default;
ExcludePatterns& ExcludePatterns::operator=(ExcludePatterns&&) noexcept = default;
ExcludePatterns::~ExcludePatterns() = default;

Result<ExcludePatterns> ExcludePatterns::Compile(std::span<const std::string> patterns) {
  if (patterns.size() > kMaxExcludePatterns) {
    return Fail(ErrorCode::kTooLarge, fmt::format("{} exclude patterns, at most {} are allowed",
                                                  patterns.size(), kMaxExcludePatterns));
  }
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kMaxPatternMemory);
  ExcludePatterns compiled;
  for (size_t i = 0; i < patterns.size(); ++i) {
    const std::string& text = patterns[i];
    if (text.size() > kMaxExcludePatternBytes) {
      return Fail(ErrorCode::kTooLarge, fmt::format("exclude pattern {}: {} bytes, at most {} are "
                                                    "allowed",
                                                    i, text.size(), kMaxExcludePatternBytes));
    }
    if (text.empty()) {
      return Fail(ErrorCode::kMalformed, fmt::format("exclude pattern {} is empty", i));
    }
    auto pattern = std::make_unique<const Pattern>(text, options);
    if (!pattern->regex.ok()) {
      return Fail(ErrorCode::kMalformed,
                  fmt::format("exclude pattern {} (\"{}\"): {}", i, Escape(text, 80),
                              Escape(pattern->regex.error(), 160)));
    }
    compiled.patterns_.push_back(std::move(pattern));
  }
  return compiled;
}

bool ExcludePatterns::Matches(std::string_view name) const {
  const re2::StringPiece text(name.data(), name.size());
  return std::any_of(patterns_.begin(), patterns_.end(), [text](const auto& pattern) {
    return re2::RE2::FullMatch(text, pattern->regex);
  });
}

bool ExcludePatterns::empty() const { return patterns_.empty(); }

}  // namespace plimsoll::ima
