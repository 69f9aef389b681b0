#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.h"

// Private to lib/eventlog: how GRUB labels what it measures as EV_IPL. The label is not hashed.
namespace plimsoll::eventlog {

enum class GrubLabel : uint8_t { kNone, kCommand, kKernelCommandLine, kModuleCommandLine };

// The label that the data begins with, as written ("grub_cmd: "), or "" for data without one.
std::string_view GrubPrefix(ByteSpan data);

GrubLabel ReadGrubLabel(ByteSpan data);

// The file and arguments of a command that loads a kernel ("linux FILE ARGUMENTS"), or "" for a
// text that is no such command.
std::string_view LinuxCommandArguments(std::string_view command);

// Whether two texts are the same words: GRUB logs a command with its quoting taken away and the
// command line of the kernel with quoting put back.
bool SameWords(std::string_view a, std::string_view b);

}  // namespace plimsoll::eventlog
