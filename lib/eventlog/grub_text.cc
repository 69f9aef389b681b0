#include "eventlog/grub_text.h"

#include <array>

namespace plimsoll::eventlog {
namespace {

struct Prefix {
  std::string_view text;
  GrubLabel label;
};

// GRUB 2.04 and later, then the form of the patches that Red Hat shipped before.
constexpr std::array kPrefixes = {
    Prefix{"grub_cmd: ", GrubLabel::kCommand},
    Prefix{"kernel_cmdline: ", GrubLabel::kKernelCommandLine},
    Prefix{"module_cmdline: ", GrubLabel::kModuleCommandLine},
    Prefix{"grub_cmd ", GrubLabel::kCommand},
    Prefix{"grub_kernel_cmdline ", GrubLabel::kKernelCommandLine},
    Prefix{"grub_module_cmdline ", GrubLabel::kModuleCommandLine},
};

const Prefix* FindPrefix(ByteSpan data) {
  for (const Prefix& prefix : kPrefixes) {
    if (AsText(data).starts_with(prefix.text)) {
      return &prefix;
    }
  }
  return nullptr;
}

constexpr bool IsQuoting(char c) { return c == '"' || c == '\'' || c == '\\'; }

}  // namespace

std::string_view GrubPrefix(ByteSpan data) {
  const Prefix* prefix = FindPrefix(data);
  return prefix != nullptr ? prefix->text : std::string_view();
}

GrubLabel ReadGrubLabel(ByteSpan data) {
  const Prefix* prefix = FindPrefix(data);
  return prefix != nullptr ? prefix->label : GrubLabel::kNone;
}

std::string_view LinuxCommandArguments(std::string_view command) {
  constexpr std::array<std::string_view, 4> kCommands = {"linux ", "linuxefi ", "linux16 ",
                                                         "xen_linux "};
  for (const std::string_view name : kCommands) {
    if (command.starts_with(name)) {
      return command.substr(name.size());
    }
  }
  return {};
}

bool SameWords(std::string_view a, std::string_view b) {
  size_t i = 0;
  size_t j = 0;
  while (true) {
    while (i < a.size() && IsQuoting(a[i])) {
      ++i;
    }
    while (j < b.size() && IsQuoting(b[j])) {
      ++j;
    }
    if (i == a.size() || j == b.size()) {
      return i == a.size() && j == b.size();
    }
    if (a[i++] != b[j++]) {
      return false;
    }
  }
}

}  // namespace plimsoll::eventlog
