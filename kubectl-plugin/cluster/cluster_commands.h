#pragma once

#include <string>
#include <vector>

#include "kubectl-plugin/cluster/explain_view.h"
#include "kubectl-plugin/commands.h"
#include "kubectl-plugin/documents.h"
#include "kubectl-plugin/program.h"

// The subcommands that speak with a cluster, each in the file of its name. All return an exit code.
namespace plimsoll::plugin {

struct StatusOptions {
  ConnectionOptions connection;
  Format format = Format::kTable;
};
// One screen about the whole cluster. kExitUntrusted when a node is Untrusted.
int ClusterStatus(const StatusOptions& options, const Surroundings& surroundings);

struct ExplainOptions {
  ConnectionOptions connection;
  std::string node;
  std::string policy;  // only what this one says; empty: all
  MarkKeyOptions keys;
  Format format = Format::kTable;
};
// Why one node's verdict is what it is; the exit code is the verdict's.
int Explain(const ExplainOptions& options, const Surroundings& surroundings);

struct DiffOptions {
  ConnectionOptions connection;
  std::string left;
  std::string right;
  Format format = Format::kTable;
};
// What two nodes booted differently, by their stored facts. kExitUntrusted when anything differs.
int Diff(const DiffOptions& options, const Surroundings& surroundings);

struct CohortsOptions {
  ConnectionOptions connection;
  std::vector<uint32_t> pcrs;  // that must be equal within a group, too; empty: 0, 2, 3 and 7
  bool propose = false;        // --as ReferenceValues
  std::string name = "cohort";
  Format format = Format::kTable;
};
// Groups of nodes that booted the same; kExitUntrusted when a group is an outlier.
int Cohorts(const CohortsOptions& options, const Surroundings& surroundings);

struct WhatIfOptions {
  ConnectionOptions connection;
  std::vector<std::string> files;
  Format format = Format::kTable;
};
// What unapplied objects would change. kExitUntrusted when a node fails one of their policies.
int WhatIf(const WhatIfOptions& options, const Surroundings& surroundings);

struct NodeBaselineOptions {
  ConnectionOptions connection;
  std::string node;
  std::string name;  // of the objects; empty: after the node
  BaselineKinds kinds = BaselineKinds::kBoth;
  Format format = Format::kYaml;
};
// What a node in the cluster teaches, by its stored facts.
int NodeBaseline(const NodeBaselineOptions& options, const Surroundings& surroundings);

struct DecideOptions {
  ConnectionOptions connection;
  std::vector<std::string> subjects;  // names of TPMIdentities or of nodes
  std::string reason;
  bool approve = false;  // else: deny
  bool dry_run = false;
  Format format = Format::kTable;
};
int Decide(const DecideOptions& options, const Surroundings& surroundings);

struct AnnotateOptions {
  ConnectionOptions connection;
  std::vector<std::string> nodes;
  bool reattest = false;  // else: acknowledge
  bool dry_run = false;
  Format format = Format::kTable;
};
int Annotate(const AnnotateOptions& options, const Surroundings& surroundings);

struct EvidenceOptions {
  ConnectionOptions connection;
  std::string node;
  std::string service_account = "plimsoll-auditor";
  std::string selector = "app.kubernetes.io/name=plimsoll,app.kubernetes.io/component=controller";
  int port = 8080;  // health port of the controller
};
// The last evidence of a node, as a bundle for `verify`.
int FetchEvidence(const EvidenceOptions& options, const Surroundings& surroundings);

struct BypassOptions {
  ConnectionOptions connection;
  MarkKeyOptions keys;
  bool all = false;  // also pods that were there before
  Format format = Format::kTable;
};
// Pods on untrusted nodes that got there past the taint. kExitUntrusted when there are some.
int Bypass(const BypassOptions& options, const Surroundings& surroundings);

struct ReportOptions {
  ConnectionOptions connection;
  MarkKeyOptions keys;
  bool html = false;
  Format format = Format::kJson;  // without html
};
// What a cluster's state is, to be kept or handed on: one HTML page, or a document.
int Report(const ReportOptions& options, const Surroundings& surroundings);

struct CleanupOptions {
  ConnectionOptions connection;
  MarkKeyOptions keys;
  std::string service_account = "plimsoll-controller";
  std::string lease = "plimsoll-controller";
  bool impersonate = true;
  bool force = false;
  bool dry_run = false;
  Format format = Format::kTable;
};
// Removes our marks from all Nodes. kExitUnreachable when some could not be cleaned.
int Cleanup(const CleanupOptions& options, const Surroundings& surroundings);

}  // namespace plimsoll::plugin
