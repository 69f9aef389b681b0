#include <memory>

#include "kubectl-plugin/cluster/cluster_commands.h"
#include "kubectl-plugin/command_line/command_table.h"

// The commands that change a cluster.
namespace plimsoll::plugin {
namespace {

constexpr const char* kDryRunHelp = "Only ask the API server whether it would do it";

void AddDecision(CommandTable& table, bool approve) {
  auto options = std::make_shared<DecideOptions>();
  options->approve = approve;
  CLI::App* sub = table.Add(
      approve ? "approve" : "deny",
      approve ? "Let a TPM count as the one of its node" : "Let a TPM count no more",
      Names::kIdentities, [options](const Surroundings& s) { return Decide(*options, s); });
  sub->add_option("IDENTITY|NODE", options->subjects, "TPMIdentity, or the node that it is of")
      ->required();
  sub->add_option("--reason", options->reason, "Why, for those who look later: a ticket, an asset")
      ->option_text("TEXT");
  sub->add_flag("--dry-run", options->dry_run, kDryRunHelp);
  AddFormat(table, sub, options->format, Formats::kTableJsonYaml);
  AddConnection(table, sub, options->connection);
  sub->footer("Exit status: 0, 3 not possible (unknown, revoked, changed meanwhile), 4 forbidden.");
}

void AddAnnotation(CommandTable& table, bool reattest) {
  auto options = std::make_shared<AnnotateOptions>();
  options->reattest = reattest;
  CLI::App* sub =
      table.Add(reattest ? "reattest" : "acknowledge",
                reattest ? "Ask a node for new evidence, with all logs"
                         : "Let an untrusted node recover (recovery: Acknowledged)",
                Names::kNodes, [options](const Surroundings& s) { return Annotate(*options, s); });
  sub->add_option("NODE", options->nodes, "Names of nodes")->required();
  sub->add_flag("--dry-run", options->dry_run, kDryRunHelp);
  AddFormat(table, sub, options->format, Formats::kTableJsonYaml);
  AddConnection(table, sub, options->connection);
  sub->footer("Exit status: 0, 3 no such node, 4 not reachable or forbidden.");
}

void AddCleanup(CommandTable& table) {
  auto options = std::make_shared<CleanupOptions>();
  CLI::App* sub =
      table.Add("cleanup", "Remove our marks from all nodes, after an uninstall", Names::kNothing,
                [options](const Surroundings& s) { return Cleanup(*options, s); });
  sub->add_flag("--dry-run", options->dry_run, "Only show what would be removed");
  sub->add_flag("--force", options->force, "Also while a controller runs");
  sub->add_flag("!--no-impersonate", options->impersonate,
                "As yourself, not as the controller's ServiceAccount");
  sub->add_option("--service-account", options->service_account, "Of the controller")
      ->option_text("NAME [plimsoll-controller]");
  sub->add_option("--lease", options->lease, "Of the controller, in the release's namespace")
      ->option_text("NAME [plimsoll-controller]");
  sub->add_option("--label-key", options->keys.label, "Key of the trust label")
      ->option_text("KEY")
      ->group("Marks");
  sub->add_option("--taint-key", options->keys.taint, "Key of the taint")
      ->option_text("KEY")
      ->group("Marks");
  sub->add_option("--condition-type", options->keys.condition, "Type of the Node condition")
      ->option_text("TYPE")
      ->group("Marks");
  AddFormat(table, sub, options->format, Formats::kTableJsonYaml);
  AddConnection(table, sub, options->connection);
  sub->footer(
      "Foreign labels, taints and conditions stay. Exit status: 0, 3 a controller still runs,\n"
      "4 not reachable or forbidden, or some node could not be cleaned.");
}

}  // namespace

void AddWritingCommands(CommandTable& table) {
  AddDecision(table, true);
  AddDecision(table, false);
  AddAnnotation(table, false);
  AddAnnotation(table, true);
  AddCleanup(table);
}

}  // namespace plimsoll::plugin
