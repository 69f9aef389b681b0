#include "kubectl-plugin/command_line/command_table.h"

namespace plimsoll::plugin {

CommandTable::CommandTable() : app_("Node attestation with TPM 2.0: judges and explains") {
  app_.name("kubectl plimsoll");
  app_.set_version_flag("--version", PLIMSOLL_VERSION);
  app_.require_subcommand(1);
  app_.footer(
      "Exit status: 0 good, 1 something bad was found, 2 unknown, 3 wrong usage or a file or "
      "object\n"
      "that cannot be used, 4 the cluster cannot be reached or forbids it.");
}

CLI::App* CommandTable::Add(const char* name, const char* help, Names arguments, Command command) {
  CLI::App* sub = app_.add_subcommand(name, help);
  sub->callback([this, command = std::move(command)] { chosen_ = command; });
  arguments_[name] = arguments;
  return sub;
}

void CommandTable::SayNames(const CLI::App* sub, const std::string& flag, Names names) {
  flag_names_[{sub->get_name(), flag}] = names;
}

Names CommandTable::ArgumentsOf(const std::string& command) const {
  const auto found = arguments_.find(command);
  return found == arguments_.end() ? Names::kNothing : found->second;
}

Names CommandTable::ValuesOf(const std::string& command, const std::string& flag) const {
  const auto found = flag_names_.find({command, flag});
  return found == flag_names_.end() ? Names::kNothing : found->second;
}

void AddFormat(CommandTable& table, CLI::App* sub, Format& format, Formats formats) {
  std::map<std::string, Format> words = {{"json", Format::kJson}};
  std::string description = "{json";
  if (formats != Formats::kJsonYaml) {
    words["table"] = Format::kTable;
    description += ",table";
  }
  if (formats != Formats::kTableJson) {
    words["yaml"] = Format::kYaml;
    description += ",yaml";
  }
  const char* help = formats == Formats::kTableJson       ? "json, or a table for people"
                     : formats == Formats::kTableJsonYaml ? "json, yaml, or a table for people"
                                                          : "json or yaml";
  sub->add_option("-o,--output", format, help)
      ->transform(CLI::CheckedTransformer(words).description(description + "}"))
      ->option_text("FORMAT");
  table.SayNames(sub, "-o", Names::kFormats);
  table.SayNames(sub, "--output", Names::kFormats);
}

void AddConnection(CommandTable& table, CLI::App* sub, ConnectionOptions& options, AsFlag as) {
  constexpr int kMaxSeconds = 3600;
  const char* group = "Connection";
  sub->add_option("--kubeconfig", options.kubeconfig,
                  "Kubeconfig file; default: those of KUBECONFIG, then ~/.kube/config")
      ->option_text("FILE")
      ->group(group);
  sub->add_option("--context", options.context, "Context of the kubeconfig")
      ->option_text("NAME")
      ->group(group);
  sub->add_option("-n,--namespace", options.namespace_name, "Namespace of the release")
      ->option_text("NAME [plimsoll-system]")
      ->group(group);
  sub->add_option(as == AsFlag::kAs ? "--as,--impersonate" : "--impersonate", options.as_user,
                  "User to impersonate")
      ->option_text("USER")
      ->group(group);
  sub->add_option(as == AsFlag::kAs ? "--as-group,--impersonate-group" : "--impersonate-group",
                  options.as_group, "Group to impersonate, with the user")
      ->option_text("GROUP")
      ->group(group);
  sub->add_option("--request-timeout", options.timeout_seconds, "Seconds that a request may take")
      ->check(CLI::Range(1, kMaxSeconds))
      ->option_text("SECONDS [30]")
      ->group(group);
  table.SayNames(sub, "--kubeconfig", Names::kFiles);
}

}  // namespace plimsoll::plugin
