#include "eventlog/command_line.h"

#include <algorithm>

namespace plimsoll::eventlog {
namespace {

bool IsSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool IsQuoting(char c) { return c == '"' || c == '\'' || c == '\\'; }

// The next run of characters up to white space, outside of double quotes if `quotes` count.
std::string_view TakeWord(std::string_view& line, bool quotes) {
  while (!line.empty() && IsSpace(line.front())) {
    line.remove_prefix(1);
  }
  bool quoted = false;
  size_t end = 0;
  while (end < line.size() && (quoted || !IsSpace(line[end]))) {
    quoted = quotes && (line[end] == '"') != quoted;
    ++end;
  }
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(end);
  return word;
}

void Unquote(std::string& text, size_t from) {
  if (from < text.size() && text[from] == '"') {
    text.erase(from, 1);
    if (text.size() > from && text.back() == '"') {
      text.pop_back();
    }
  }
}

// Without quoting characters, and with "_" for "-" in the name.
std::string Bare(std::string_view word) {
  std::string bare;
  std::copy_if(word.begin(), word.end(), std::back_inserter(bare),
               [](char c) { return !IsQuoting(c); });
  const size_t name = std::min(bare.find('='), bare.size());
  std::replace(bare.begin(), bare.begin() + static_cast<std::ptrdiff_t>(name), '-', '_');
  return bare;
}

bool Matches(const std::string& word, const std::string& argument) {
  if (argument.empty() || !word.starts_with(argument)) {
    return false;
  }
  const bool has_value = argument.find('=') != std::string::npos;
  return word.size() == argument.size() || argument.back() == '=' ||
         (!has_value && word[argument.size()] == '=');
}

}  // namespace

std::vector<std::string> KernelArguments(std::string_view line) {
  std::vector<std::string> arguments;
  while (true) {
    std::string argument(TakeWord(line, true));
    if (argument.empty() || argument == "--") {
      return arguments;
    }
    Unquote(argument, 0);
    if (const size_t equals = argument.find('='); equals != std::string::npos) {
      Unquote(argument, equals + 1);
    }
    arguments.push_back(std::move(argument));
  }
}

bool ContainsArgument(std::string_view line, std::string_view argument) {
  const std::vector<std::string> arguments = KernelArguments(line);
  return std::find(arguments.begin(), arguments.end(), argument) != arguments.end();
}

bool MayContainArgument(std::string_view line, std::string_view argument) {
  const std::string unwanted = Bare(argument);
  for (const bool quotes : {false, true}) {
    std::string_view rest = line;
    while (true) {
      const std::string_view word = TakeWord(rest, quotes);
      if (word.empty()) {
        break;
      }
      if (Matches(Bare(word), unwanted)) {
        return true;
      }
    }
  }
  return false;
}

}  // namespace plimsoll::eventlog
