#include "kubectl-plugin/program.h"

#include <exception>
#include <iostream>

#include "kubectl-plugin/command_line/command_table.h"
#include "kubectl-plugin/terminal.h"

namespace plimsoll::plugin {
namespace {

constexpr std::string_view kComplete = "__complete";

int RunCommand(int argc, const char* const* argv, const Surroundings& surroundings) {
  CommandTable table;
  AddClusterCommands(table);
  AddWritingCommands(table);
  AddFileCommands(table);
  AddCompletion(table);
  if (argc > 1 && argv[1] == kComplete) {
    return Complete(table, {argv + 2, argv + argc}, surroundings);
  }
  try {
    table.app().parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = table.app().exit(error, surroundings.out, surroundings.err);
    return code == 0 ? kExitTrusted : kExitUnusable;
  }
  return table.chosen()(surroundings);
}

}  // namespace

int Run(int argc, const char* const* argv, const Surroundings& surroundings) {
  try {
    return RunCommand(argc, argv, surroundings);
  } catch (const std::exception& error) {
    surroundings.err << "kubectl plimsoll: " << Shown(error.what()) << "\n";
    return kExitUnusable;
  }
}

}  // namespace plimsoll::plugin
