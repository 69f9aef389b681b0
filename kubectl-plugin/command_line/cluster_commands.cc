#include "kubectl-plugin/cluster/cluster_commands.h"

#include <memory>

#include "kubectl-plugin/command_line/command_table.h"

// The commands that read a cluster.
namespace plimsoll::plugin {
namespace {

void AddKeys(CLI::App* sub, MarkKeyOptions& keys) {
  const char* group = "Marks";
  sub->add_option("--label-key", keys.label, "Key of the trust label")
      ->option_text("KEY")
      ->group(group);
  sub->add_option("--taint-key", keys.taint, "Key of the taint")->option_text("KEY")->group(group);
  sub->add_option("--condition-type", keys.condition, "Type of the Node condition")
      ->option_text("TYPE")
      ->group(group);
}

void AddStatus(CommandTable& table) {
  auto options = std::make_shared<StatusOptions>();
  CLI::App* sub =
      table.Add("status", "One screen about all nodes, policies and identities", Names::kNothing,
                [options](const Surroundings& s) { return ClusterStatus(*options, s); });
  AddFormat(table, sub, options->format, Formats::kTableJsonYaml);
  AddConnection(table, sub, options->connection);
  sub->footer("Exit status: 0, 1 when a node is Untrusted, 4 not reachable or forbidden.");
}

void AddExplain(CommandTable& table) {
  auto options = std::make_shared<ExplainOptions>();
  CLI::App* sub =
      table.Add("explain", "Why a node is trusted or not: verdict, policy, check, boot event",
                Names::kNodes, [options](const Surroundings& s) { return Explain(*options, s); });
  sub->add_option("NODE", options->node, "Name of the node")->required();
  sub->add_option("--policy", options->policy, "Only what this policy says")->option_text("NAME");
  table.SayNames(sub, "--policy", Names::kPolicies);
  AddFormat(table, sub, options->format, Formats::kTableJsonYaml);
  AddKeys(sub, options->keys);
  AddConnection(table, sub, options->connection);
  sub->footer("Exit status: 0 Trusted, 1 Untrusted, 2 Unknown, 3 no such node, 4 not reachable.");
}

void AddDiff(CommandTable& table) {
  auto options = std::make_shared<DiffOptions>();
  CLI::App* sub = table.Add("diff", "What two nodes booted differently", Names::kNodes,
                            [options](const Surroundings& s) { return Diff(*options, s); });
  sub->add_option("NODE", options->left, "A good node")->required();
  sub->add_option("OTHER", options->right, "The one to compare with it")->required();
  AddFormat(table, sub, options->format, Formats::kTableJsonYaml);
  AddConnection(table, sub, options->connection);
  sub->footer("Exit status: 0 nothing differs, 1 something does, 3 no facts, 4 not reachable.");
}

void AddCohorts(CommandTable& table) {
  auto options = std::make_shared<CohortsOptions>();
  CLI::App* sub =
      table.Add("cohorts", "Groups of nodes that booted the same, and the odd ones",
                Names::kNothing, [options](const Surroundings& s) { return Cohorts(*options, s); });
  sub->add_option("--pcrs", options->pcrs, "PCRs that must be equal, beside what the log says")
      ->delimiter(',')
      ->check(CLI::Range(0, 23))
      ->option_text("LIST [0,2,3,7]");
  sub->add_option_function<std::string>(
         "--as", [options](const std::string&) { options->propose = true; },
         "Propose one ReferenceValues object a group")
      ->check(CLI::IsMember({"ReferenceValues"}).description("{ReferenceValues}"))
      ->option_text("KIND");
  table.SayNames(sub, "--as", Names::kKinds);
  sub->add_option("--name", options->name, "Begin of the objects' names")
      ->option_text("NAME [cohort]");
  AddFormat(table, sub, options->format, Formats::kTableJsonYaml);
  AddConnection(table, sub, options->connection, AsFlag::kImpersonateOnly);
  sub->footer("Exit status: 0, 1 when a group is an outlier, 4 not reachable or forbidden.");
}

void AddWhatIf(CommandTable& table) {
  auto options = std::make_shared<WhatIfOptions>();
  CLI::App* sub =
      table.Add("what-if", "What unapplied policies would say of every node", Names::kFiles,
                [options](const Surroundings& s) { return WhatIf(*options, s); });
  sub->add_option("-f,--filename,FILE", options->files,
                  "YAML file of AttestationPolicy, ReferenceValues and EndorsementAuthority "
                  "objects; - for standard input; may be repeated")
      ->required()
      ->option_text("FILE ...");
  table.SayNames(sub, "-f", Names::kFiles);
  table.SayNames(sub, "--filename", Names::kFiles);
  AddFormat(table, sub, options->format, Formats::kTableJsonYaml);
  AddConnection(table, sub, options->connection);
  sub->footer(
      "What the files do not have is taken from the cluster. Exit status: 0, 1 when a node would\n"
      "fail or lose its trust, 3 unusable file, 4 not reachable or forbidden.");
}

void AddEvidence(CommandTable& table) {
  auto options = std::make_shared<EvidenceOptions>();
  CLI::App* sub =
      table.Add("evidence", "The last evidence of a node, as a bundle for verify", Names::kNodes,
                [options](const Surroundings& s) { return FetchEvidence(*options, s); });
  sub->add_option("NODE", options->node, "Name of the node")->required();
  sub->add_option("--service-account", options->service_account,
                  "ServiceAccount of the release whose token the controller takes")
      ->option_text("NAME [plimsoll-auditor]");
  sub->add_option("--selector", options->selector, "Label selector of the controller's pods")
      ->option_text("SELECTOR");
  sub->add_option("--port", options->port, "Port where the controller serves health and metrics")
      ->check(CLI::Range(1, 65535))
      ->option_text("PORT [8080]");
  AddConnection(table, sub, options->connection);
  sub->footer("Exit status: 0, 3 none is kept, 4 not reachable or forbidden.");
}

void AddBypass(CommandTable& table) {
  auto options = std::make_shared<BypassOptions>();
  CLI::App* sub =
      table.Add("bypass", "Pods on untrusted nodes that got past the taint", Names::kNothing,
                [options](const Surroundings& s) { return Bypass(*options, s); });
  sub->add_flag("--all", options->all, "Also pods that were there before");
  AddFormat(table, sub, options->format, Formats::kTableJsonYaml);
  AddKeys(sub, options->keys);
  AddConnection(table, sub, options->connection);
  sub->footer("Exit status: 0, 1 when there are some, 4 not reachable or forbidden.");
}

void AddReport(CommandTable& table) {
  auto options = std::make_shared<ReportOptions>();
  CLI::App* sub = table.Add("report", "The whole state, to be kept or handed on", Names::kNothing,
                            [options](const Surroundings& s) { return Report(*options, s); });
  sub->add_flag("--html", options->html, "One page for screen and paper, without scripts");
  AddFormat(table, sub, options->format, Formats::kJsonYaml);
  AddKeys(sub, options->keys);
  AddConnection(table, sub, options->connection);
}

}  // namespace

void AddClusterCommands(CommandTable& table) {
  AddStatus(table);
  AddExplain(table);
  AddDiff(table);
  AddCohorts(table);
  AddWhatIf(table);
  AddEvidence(table);
  AddBypass(table);
  AddReport(table);
}

}  // namespace plimsoll::plugin
