#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

// Private to this module: exec_credential.cc alone runs programs.
namespace plimsoll::kube {

struct ChildProgram {
  std::string path;  // searched in PATH when it has no slash
  std::vector<std::string> arguments;
  std::vector<std::pair<std::string, std::string>> environment;  // replaces ours of the same name
  bool inherit_input = false;                                    // else its standard input is empty
  size_t max_output_bytes = 0;
};

struct ChildResult {
  int exit_code = 0;  // 128 + signal when a signal ended it
  std::string output;
};

// Runs a program to its end, with our standard error. kNotFound when there is no such program,
// kTooLarge when it says more than the limit (it is then killed), kInternal when the system cannot
// start one.
Result<ChildResult> RunChild(const ChildProgram& program);

}  // namespace plimsoll::kube
