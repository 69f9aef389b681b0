#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace plimsoll::eventlog {

// The arguments of a kernel command line as Linux splits it: at white space outside of double
// quotes, quotes around an argument or a value taken away, up to the argument "--", behind which
// all belongs to init.
std::vector<std::string> KernelArguments(std::string_view line);

// Whether one of the KernelArguments is exactly that: for rules that demand something.
bool ContainsArgument(std::string_view line, std::string_view argument);

// Whether any program of an early userspace could find that argument in the line: for rules that
// forbid something. Words are split at all white space, with and without regard to quotes, quoting
// characters do not count, "-" and "_" in names are the same. An argument without "=" also matches
// the one with a value ("rd.break" matches "rd.break=mount"), one that ends in "=" matches every
// value.
bool MayContainArgument(std::string_view line, std::string_view argument);

}  // namespace plimsoll::eventlog
