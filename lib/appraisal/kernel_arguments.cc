#include "appraisal/kernel_arguments.h"

#include <algorithm>
#include <iterator>

namespace plimsoll::appraisal {
namespace {

bool IsSpace(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r') || c == '\xA0';  // isspace of the kernel's table
}

// Without the quotes that the kernel takes off.
std::string Unquoted(std::string_view argument) {
  if (argument.size() >= 2 && argument.front() == '"' && argument.back() == '"') {
    return std::string(argument.substr(1, argument.size() - 2));
  }
  const size_t equals = argument.find('=');
  if (equals != std::string_view::npos && argument.size() >= equals + 3 &&
      argument[equals + 1] == '"' && argument.back() == '"') {
    return std::string(argument.substr(0, equals + 1)) +
           std::string(argument.substr(equals + 2, argument.size() - equals - 3));
  }
  return std::string(argument);
}

// Without what any early userspace may take for quoting.
std::string WithoutQuotes(std::string_view argument) {
  std::string plain;
  std::copy_if(argument.begin(), argument.end(), std::back_inserter(plain),
               [](char c) { return c != '"' && c != '\'' && c != '\\'; });
  return plain;
}

std::string NormalName(std::string_view name) {
  std::string normal(name);
  std::replace(normal.begin(), normal.end(), '-', '_');
  return normal;
}

}  // namespace

KernelArguments::KernelArguments(std::string_view line) {
  std::string current;
  bool quoted = false;
  for (const char c : line) {
    if (!quoted && IsSpace(c)) {
      if (!current.empty()) {
        raw_.push_back(std::move(current));
        current.clear();
      }
      continue;
    }
    if (c == '"') {
      quoted = !quoted;
    }
    current += c;
  }
  if (!current.empty()) {
    raw_.push_back(std::move(current));
  }
}

bool KernelArguments::Contains(std::string_view argument) const {
  const auto end = std::find_if(raw_.begin(), raw_.end(),
                                [](const std::string& raw) { return Unquoted(raw) == "--"; });
  return std::any_of(raw_.begin(), end, [argument](const std::string& raw) {
    return raw == argument || Unquoted(raw) == argument;
  });
}

std::optional<std::string> KernelArguments::FindForbidden(std::string_view entry) const {
  const size_t equals = entry.find('=');
  const std::string name = NormalName(entry.substr(0, equals));
  const std::string_view value =
      equals == std::string_view::npos ? std::string_view() : entry.substr(equals + 1);
  for (const std::string& raw : raw_) {
    // What a quoted argument hides from the kernel, a later reader may still split.
    const KernelArguments words(WithoutQuotes(raw));
    for (const std::string& word : words.raw_) {
      const size_t split = word.find('=');
      if (NormalName(std::string_view(word).substr(0, split)) != name) {
        continue;
      }
      const std::string_view has = split == std::string::npos
                                       ? std::string_view()
                                       : std::string_view(word).substr(split + 1);
      if (value.empty() || has == value) {
        return raw;
      }
    }
  }
  return std::nullopt;
}

}  // namespace plimsoll::appraisal
