#include <memory>

#include "kubectl-plugin/cluster/cluster_commands.h"
#include "kubectl-plugin/command_line/command_table.h"
#include "kubectl-plugin/commands.h"

// The commands on files, and `baseline`, which takes a file or a node.
namespace plimsoll::plugin {
namespace {

void AddBank(CLI::App* sub, std::optional<tcg::AlgorithmId>& bank, const char* help) {
  sub->add_option_function<std::string>(
         "--bank",
         [&bank](const std::string& name) {
           bank = tcg::BankFromName(name);
           if (!bank) {
             throw CLI::ValidationError("--bank", "not sha1, sha256, sha384 or sha512");
           }
         },
         help)
      ->option_text("BANK");
}

void AddVerify(CommandTable& table) {
  auto options = std::make_shared<VerifyOptions>();
  CLI::App* sub =
      table.Add("verify", "Appraise an evidence bundle, without a cluster", Names::kFiles,
                [options](const Surroundings& s) { return Verify(*options, s); });
  sub->add_option("BUNDLE", options->bundle, "Evidence bundle (JSON); - for standard input")
      ->required();
  sub->add_option("--policy", options->policies,
                  "YAML file of AttestationPolicy, ReferenceValues and EndorsementAuthority "
                  "objects; may be repeated")
      ->option_text("FILE ...");
  table.SayNames(sub, "--policy", Names::kFiles);
  AddFormat(table, sub, options->format, Formats::kTableJson);
  sub->footer(
      "Exit status: 0 Trusted, 1 Untrusted, 2 Unknown, 3 unusable file or wrong usage.\n"
      "Without a policy good evidence is Unknown (NoEnforcingPolicy). IMA allow-lists that\n"
      "ReferenceValues name by fileName are read from the folder of their policy file.");
}

void AddEventLog(CommandTable& table) {
  auto options = std::make_shared<EventLogOptions>();
  CLI::App* sub = table.Add("eventlog", "Read and replay a boot event log", Names::kFiles,
                            [options](const Surroundings& s) { return EventLog(*options, s); });
  sub->add_option("FILE", options->file, "binary_bios_measurements; - for standard input")
      ->required();
  AddBank(sub, options->bank,
          "Bank to replay, and by whose digests data is trusted; default: all, and the strongest");
  AddFormat(table, sub, options->format, Formats::kTableJson);
  sub->footer("Exit status: 0, 1 for a log that is refused, 3 unusable file or wrong usage.");
}

void AddIma(CommandTable& table) {
  auto options = std::make_shared<ImaOptions>();
  CLI::App* sub =
      table.Add("ima", "Read and replay an IMA measurement list, binary or ASCII", Names::kFiles,
                [options](const Surroundings& s) { return Ima(*options, s); });
  sub->add_option("FILE", options->file,
                  "binary_ or ascii_runtime_measurements; - for standard input")
      ->required();
  AddBank(sub, options->bank, "Bank to replay; default: sha1, sha256 and sha384");
  sub->add_option("--pcr", options->pcr, "Only entries of this PCR")->check(CLI::Range(0, 23));
  AddFormat(table, sub, options->format, Formats::kTableJson);
  sub->footer("Exit status: 0, 1 for a list that is refused, 3 unusable file or wrong usage.");
}

void AddEndorsement(CommandTable& table) {
  auto options = std::make_shared<EndorsementOptions>();
  CLI::App* sub =
      table.Add("endorsement", "Judge the certificate of a TPM's endorsement key", Names::kFiles,
                [options](const Surroundings& s) { return Endorsement(*options, s); });
  sub->add_option("CERT", options->certificate,
                  "DER (padding of a TPM's NV area is cut off) or PEM; - for standard input")
      ->required();
  sub->add_option("--roots", options->roots,
                  "PEM file of trusted CAs; default: those of TPM vendors that come with Plimsoll")
      ->option_text("FILE");
  sub->add_option("--intermediates", options->intermediates,
                  "PEM file of CAs that may help to build a chain")
      ->option_text("FILE");
  sub->add_option("--crl", options->revocation_lists,
                  "Revocation lists, PEM or DER; every CA of the chain must then have one")
      ->option_text("FILE ...");
  for (const char* flag : {"--roots", "--intermediates", "--crl"}) {
    table.SayNames(sub, flag, Names::kFiles);
  }
  AddFormat(table, sub, options->format, Formats::kTableJson);
  sub->footer("Exit status: 0 accepted, 1 not accepted, 3 unusable file or wrong usage.");
}

// A name with a slash, "-" or one of a file that is there is a file's; all else is a node's.
bool NamesAFile(const std::string& source) {
  return source == "-" || source.find('/') != std::string::npos ||
         CLI::ExistingFile(source).empty();
}

struct BaselineArguments {
  std::string source;
  std::string name;
  BaselineKinds kinds = BaselineKinds::kBoth;
  Format format = Format::kYaml;
  ConnectionOptions connection;
};

int RunBaseline(const BaselineArguments& arguments, const Surroundings& surroundings) {
  if (NamesAFile(arguments.source)) {
    return Baseline({.bundle = arguments.source,
                     .name = arguments.name,
                     .kinds = arguments.kinds,
                     .format = arguments.format},
                    surroundings);
  }
  return NodeBaseline({.connection = arguments.connection,
                       .node = arguments.source,
                       .name = arguments.name,
                       .kinds = arguments.kinds,
                       .format = arguments.format},
                      surroundings);
}

void AddBaseline(CommandTable& table) {
  auto options = std::make_shared<BaselineArguments>();
  CLI::App* sub = table.Add("baseline", "Learn reference values and a policy from a good machine",
                            Names::kNodes,
                            [options](const Surroundings& s) { return RunBaseline(*options, s); });
  sub->add_option("NODE|BUNDLE", options->source,
                  "Node in the cluster, or file of an evidence bundle; - for standard input")
      ->required();
  sub->add_option("--as", options->kinds, "Only this kind; default: both")
      ->transform(
          CLI::CheckedTransformer(std::map<std::string, BaselineKinds>{
                                      {"ReferenceValues", BaselineKinds::kReferenceValues},
                                      {"AttestationPolicy", BaselineKinds::kAttestationPolicy}})
              .description("{AttestationPolicy,ReferenceValues}"))
      ->option_text("KIND");
  table.SayNames(sub, "--as", Names::kKinds);
  sub->add_option("--name", options->name, "Name of the objects; default: after the node")
      ->option_text("NAME");
  AddFormat(table, sub, options->format, Formats::kJsonYaml);
  AddConnection(table, sub, options->connection, AsFlag::kImpersonateOnly);
  sub->footer(
      "A name with a slash, or of a file that is there, is a bundle; all else is a node, whose\n"
      "stored facts are read. Exit status: 0, 1 for evidence that is not good, 3 unusable file or\n"
      "node without facts, 4 cluster not reachable or forbidden.");
}

}  // namespace

void AddFileCommands(CommandTable& table) {
  AddVerify(table);
  AddEventLog(table);
  AddIma(table);
  AddEndorsement(table);
  AddBaseline(table);
}

}  // namespace plimsoll::plugin
