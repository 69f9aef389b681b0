#include <algorithm>
#include <iostream>
#include <memory>

#include "api/tpm_identity.h"
#include "kubectl-plugin/cluster/connection.h"
#include "kubectl-plugin/command_line/command_table.h"
#include "kubectl-plugin/command_line/completion_scripts.h"

namespace plimsoll::plugin {
namespace {

constexpr int kTimeoutSeconds = 3;  // a person waits at the prompt

struct Candidate {
  std::string word;
  std::string help = {};
};

// What the words before the last one say.
struct Line {
  std::string command;  // empty: none yet
  std::string flag;     // whose value comes next; empty: none
  ConnectionOptions connection;
};

// The option of a command by its name; null for what it does not know.
const CLI::Option* FindOption(CLI::App* sub, const std::string& flag) {
  return sub == nullptr ? nullptr : sub->get_option_no_throw(flag);
}

CLI::App* FindCommand(CommandTable& table, const std::string& name) {
  for (CLI::App* sub : table.app().get_subcommands({})) {
    if (sub->get_name() == name) {
      return sub;
    }
  }
  return nullptr;
}

void Remember(ConnectionOptions& connection, const std::string& flag, const std::string& value) {
  if (flag == "--kubeconfig") {
    connection.kubeconfig = value;
  } else if (flag == "--context") {
    connection.context = value;
  } else if (flag == "-n" || flag == "--namespace") {
    connection.namespace_name = value;
  }
}

Line Read(CommandTable& table, const std::vector<std::string>& words) {
  Line line;
  line.connection.timeout_seconds = kTimeoutSeconds;
  CLI::App* sub = nullptr;
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    const std::string& word = words[i];
    if (!line.flag.empty()) {
      Remember(line.connection, line.flag, word);
      line.flag.clear();
    } else if (word.starts_with("-")) {
      const size_t equals = word.find('=');
      const CLI::Option* option = FindOption(sub, word.substr(0, equals));
      if (equals != std::string::npos) {
        Remember(line.connection, word.substr(0, equals), word.substr(equals + 1));
      } else if (option != nullptr && option->get_type_size() > 0) {
        line.flag = word;
      }
    } else if (sub == nullptr) {
      sub = FindCommand(table, word);
      line.command = sub == nullptr ? "" : word;
    }
  }
  return line;
}

std::vector<Candidate> Commands(CommandTable& table) {
  std::vector<Candidate> candidates;
  for (const CLI::App* sub : table.app().get_subcommands({})) {
    candidates.push_back({sub->get_name(), sub->get_description()});
  }
  return candidates;
}

std::vector<Candidate> Flags(CLI::App* sub) {
  std::vector<Candidate> candidates;
  for (const CLI::Option* option : sub->get_options()) {
    for (const std::string& name : option->get_lnames()) {
      candidates.push_back({"--" + name, option->get_description()});
    }
  }
  return candidates;
}

void AddNames(Connection& connection, const kube::ResourceKind& kind,
              std::vector<Candidate>& candidates) {
  (void)connection.ForEach({kind, ""}, {}, [&](std::string_view json) {
    if (auto meta = kube::ParseObjectMeta(json)) {
      candidates.push_back({std::move(meta->name)});
    }
  });
}

void AddIdentities(Connection& connection, std::vector<Candidate>& candidates) {
  (void)connection.ForEach({kube::kTpmIdentity, ""}, {}, [&](std::string_view json) {
    if (const auto identity = api::TpmIdentity::Parse(json)) {
      candidates.push_back({identity->meta.name, std::string(api::ToString(identity->decision)) +
                                                     ", node " + identity->node_name});
    }
  });
}

std::vector<Candidate> Named(Names names, const ConnectionOptions& options,
                             const Surroundings& surroundings) {
  std::vector<Candidate> candidates;
  switch (names) {
    case Names::kNothing:
    case Names::kFiles:
      return candidates;
    case Names::kFormats:
      return {{"json"}, {"yaml"}, {"table"}};
    case Names::kKinds:
      return {{"ReferenceValues"}, {"AttestationPolicy"}};
    case Names::kShells:
      return {{"bash"}, {"zsh"}, {"fish"}, {"kubectl"}};
    case Names::kNodes:
    case Names::kIdentities:
    case Names::kPolicies:
      break;
  }
  auto connection = Connection::Open(options, surroundings);
  if (!connection) {
    return candidates;
  }
  if (names == Names::kPolicies) {
    AddNames(*connection, kube::kAttestationPolicy, candidates);
  } else {
    AddNames(*connection, kube::kNodeAttestation, candidates);
  }
  if (names == Names::kIdentities) {
    AddIdentities(*connection, candidates);
  }
  return candidates;
}

// A name that a shell would take for anything but a word is no candidate.
bool IsPlain(const std::string& word) {
  return !word.empty() && std::all_of(word.begin(), word.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
  });
}

}  // namespace

int Complete(CommandTable& table, const std::vector<std::string>& words,
             const Surroundings& surroundings) {
  const std::string last = words.empty() ? "" : words.back();
  const Line line = Read(table, words);
  std::vector<Candidate> candidates;
  Names names = Names::kNothing;
  if (line.command.empty()) {
    candidates = Commands(table);
  } else if (!line.flag.empty()) {
    names = table.ValuesOf(line.command, line.flag);
  } else if (last.starts_with("-")) {
    candidates = Flags(FindCommand(table, line.command));
  } else {
    names = table.ArgumentsOf(line.command);
  }
  if (names != Names::kNothing) {
    candidates = Named(names, line.connection, surroundings);
  }
  for (const Candidate& candidate : candidates) {
    if (candidate.word.starts_with(last) && IsPlain(candidate.word)) {
      std::string help = candidate.help.substr(0, candidate.help.find('\n'));
      std::replace_if(
          help.begin(), help.end(), [](char c) { return c < ' ' || c > '~'; }, ' ');
      surroundings.out << candidate.word << (help.empty() ? "" : "\t" + help) << "\n";
    }
  }
  const bool files = names == Names::kFiles || line.command == "baseline";
  surroundings.out << (files ? ":0" : ":4") << "\n";
  return kExitTrusted;
}

void AddCompletion(CommandTable& table) {
  auto shell = std::make_shared<std::string>();
  CLI::App* sub = table.Add("completion", "Print a shell's completion script", Names::kShells,
                            [shell](const Surroundings& surroundings) {
                              surroundings.out << CompletionScript(*shell);
                              return kExitTrusted;
                            });
  sub->add_option("SHELL", *shell, "bash, zsh, fish; or kubectl: what kubectl itself asks")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish", "kubectl"}));
  sub->footer(
      "bash:     source <(kubectl plimsoll completion bash)\n"
      "zsh:      source <(kubectl plimsoll completion zsh)\n"
      "fish:     kubectl plimsoll completion fish | source\n"
      "kubectl:  kubectl plimsoll completion kubectl > /usr/local/bin/kubectl_complete-plimsoll\n"
      "          chmod +x /usr/local/bin/kubectl_complete-plimsoll\n"
      "The first three complete `kubectl-plimsoll`; the last one `kubectl plimsoll`.");
}

}  // namespace plimsoll::plugin
