#pragma once

#include <iosfwd>

#include "base/clock.h"

// kubectl-plimsoll, the kubectl plugin. What is here needs no cluster: it judges and explains files
// with the same library that the controller appraises with.
namespace plimsoll::plugin {

// What a command may touch beside the files it is given.
struct Surroundings {
  std::istream& in;  // for a file called "-"
  std::ostream& out;
  std::ostream& err;
  const Clock& clock;
};

// What a command says by its exit code. Commands with a yes-or-no answer use the first two.
enum ExitCode : int {
  kExitTrusted = 0,    // or: done, accepted
  kExitUntrusted = 1,  // or: refused
  kExitUnknown = 2,
  kExitUnusable = 3,  // a file that cannot be used, or wrong usage
};

// Reads the command line and runs one command. Never throws.
int Run(int argc, const char* const* argv, const Surroundings& surroundings);

}  // namespace plimsoll::plugin
