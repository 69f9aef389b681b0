#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

#include "kubectl-plugin/documents.h"
#include "kubectl-plugin/program.h"

namespace plimsoll::plugin {

// What the words after a command, and the values of its flags, are names of: for completion.
enum class Names : uint8_t {
  kNothing,
  kFiles,
  kNodes,
  kIdentities,  // that wait for a decision, and nodes
  kPolicies,
  kFormats,
  kKinds,  // ReferenceValues, AttestationPolicy
  kShells,
};

// The subcommands with what runs them. CLI11 throws; Run() in program.cc catches.
class CommandTable {
 public:
  using Command = std::function<int(const Surroundings&)>;

  CommandTable();

  CLI::App* Add(const char* name, const char* help, Names arguments, Command command);
  CLI::App& app() { return app_; }

  // The command that the parsed line named.
  const Command& chosen() const { return chosen_; }

  // Says what the values of a flag are names of.
  void SayNames(const CLI::App* sub, const std::string& flag, Names names);
  Names ArgumentsOf(const std::string& command) const;
  Names ValuesOf(const std::string& command, const std::string& flag) const;

 private:
  CLI::App app_;
  Command chosen_;
  std::map<std::string, Names> arguments_;                           // by command
  std::map<std::pair<std::string, std::string>, Names> flag_names_;  // by command and flag
};

enum class Formats : uint8_t { kTableJson, kTableJsonYaml, kJsonYaml };

// -o, --output
void AddFormat(CommandTable& table, CLI::App* sub, Format& format, Formats formats);

void AddFileCommands(CommandTable& table);
void AddClusterCommands(CommandTable& table);  // those that read
void AddWritingCommands(CommandTable& table);  // those that change the cluster

// --kubeconfig and the like. `as` says how the flags of impersonation are called.
enum class AsFlag : uint8_t { kAs, kImpersonateOnly };
void AddConnection(CommandTable& table, CLI::App* sub, ConnectionOptions& options,
                   AsFlag as = AsFlag::kAs);

// `completion SHELL`, and what its scripts call: prints what may stand for the last of `words`, one
// a line, with a tab and a help text behind some, and at the end ":4", or ":0" where files may
// stand (as programs built with Cobra do, so that kubectl can ask). Says nothing of what went
// wrong. kExitTrusted.
void AddCompletion(CommandTable& table);
int Complete(CommandTable& table, const std::vector<std::string>& words,
             const Surroundings& surroundings);

}  // namespace plimsoll::plugin
