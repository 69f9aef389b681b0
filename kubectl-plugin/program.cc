#include "kubectl-plugin/program.h"

#include <CLI/CLI.hpp>
#include <exception>
#include <functional>
#include <iostream>

#include "kubectl-plugin/commands.h"

namespace plimsoll::plugin {
namespace {

// CLI11 throws; Run() catches.
class CommandLine {
 public:
  explicit CommandLine(const Surroundings& surroundings) : surroundings_(surroundings) {
    app_.name("kubectl plimsoll");
    app_.set_version_flag("--version", PLIMSOLL_VERSION);
    app_.require_subcommand(1);
    AddVerify();
    AddEventLog();
    AddIma();
    AddEndorsement();
    AddBaseline();
  }

  int Run(int argc, const char* const* argv) {
    app_.parse(argc, argv);
    return command_();
  }
  int Exit(const CLI::ParseError& error) {
    const int code = app_.exit(error, surroundings_.out, surroundings_.err);
    return code == 0 ? kExitTrusted : kExitUnusable;
  }

 private:
  CLI::App* Add(const char* name, const char* help, std::function<int()> command) {
    CLI::App* sub = app_.add_subcommand(name, help);
    sub->callback([this, command = std::move(command)] { command_ = command; });
    return sub;
  }

  static void AddFormat(CLI::App* sub, Format& format) {
    sub->add_option("-o,--output", format, "json, or a table for people")
        ->transform(CLI::CheckedTransformer(std::map<std::string, Format>{
                                                {"json", Format::kJson}, {"table", Format::kTable}})
                        .description("{json,table}"))
        ->option_text("FORMAT");
  }

  static void AddBank(CLI::App* sub, std::optional<tcg::AlgorithmId>& bank, const char* help) {
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

  void AddVerify() {
    CLI::App* sub = Add("verify", "Appraise an evidence bundle, without a cluster",
                        [this] { return Verify(verify_, surroundings_); });
    sub->add_option("BUNDLE", verify_.bundle, "Evidence bundle (JSON); - for standard input")
        ->required();
    sub->add_option("--policy", verify_.policies,
                    "YAML file of AttestationPolicy, ReferenceValues and EndorsementAuthority "
                    "objects; may be repeated")
        ->option_text("FILE ...");
    AddFormat(sub, verify_.format);
    sub->footer(
        "Exit status: 0 Trusted, 1 Untrusted, 2 Unknown, 3 unusable file or wrong usage.\n"
        "Without a policy good evidence is Unknown (NoEnforcingPolicy). IMA allow-lists that\n"
        "ReferenceValues name by fileName are read from the folder of their policy file.");
  }

  void AddEventLog() {
    CLI::App* sub = Add("eventlog", "Read and replay a boot event log",
                        [this] { return EventLog(event_log_, surroundings_); });
    sub->add_option("FILE", event_log_.file, "binary_bios_measurements; - for standard input")
        ->required();
    AddBank(
        sub, event_log_.bank,
        "Bank to replay, and by whose digests data is trusted; default: all, and the strongest");
    AddFormat(sub, event_log_.format);
    sub->footer("Exit status: 0, 1 for a log that is refused, 3 unusable file or wrong usage.");
  }

  void AddIma() {
    CLI::App* sub = Add("ima", "Read and replay an IMA measurement list, binary or ASCII",
                        [this] { return Ima(ima_, surroundings_); });
    sub->add_option("FILE", ima_.file,
                    "binary_ or ascii_runtime_measurements; - for standard input")
        ->required();
    AddBank(sub, ima_.bank, "Bank to replay; default: sha1, sha256 and sha384");
    sub->add_option("--pcr", ima_.pcr, "Only entries of this PCR")->check(CLI::Range(0, 23));
    AddFormat(sub, ima_.format);
    sub->footer("Exit status: 0, 1 for a list that is refused, 3 unusable file or wrong usage.");
  }

  void AddEndorsement() {
    CLI::App* sub = Add("endorsement", "Judge the certificate of a TPM's endorsement key",
                        [this] { return Endorsement(endorsement_, surroundings_); });
    sub->add_option("CERT", endorsement_.certificate,
                    "DER (padding of a TPM's NV area is cut off) or PEM; - for standard input")
        ->required();
    sub->add_option(
           "--roots", endorsement_.roots,
           "PEM file of trusted CAs; default: those of TPM vendors that come with Plimsoll")
        ->option_text("FILE");
    sub->add_option("--intermediates", endorsement_.intermediates,
                    "PEM file of CAs that may help to build a chain")
        ->option_text("FILE");
    sub->add_option("--crl", endorsement_.revocation_lists,
                    "Revocation lists, PEM or DER; every CA of the chain must then have one")
        ->option_text("FILE ...");
    AddFormat(sub, endorsement_.format);
    sub->footer("Exit status: 0 accepted, 1 not accepted, 3 unusable file or wrong usage.");
  }

  void AddBaseline() {
    CLI::App* sub = Add("baseline", "Learn reference values from the bundle of a good machine",
                        [this] { return Baseline(baseline_, surroundings_); });
    sub->add_option("BUNDLE", baseline_.bundle, "Evidence bundle (JSON); - for standard input")
        ->required();
    sub->add_option_function<std::string>(
           "--as",
           [this](const std::string& kind) {
             if (kind != "ReferenceValues") {
               throw CLI::ValidationError("--as", "only ReferenceValues");
             }
             baseline_.values_only = true;
           },
           "ReferenceValues: leave the AttestationPolicy out")
        ->option_text("KIND");
    sub->add_option("--name", baseline_.name, "Name of the objects; default: after the node")
        ->option_text("NAME");
    sub->footer("Prints YAML. Exit status: 0, 1 for evidence that is not good, 3 unusable file.");
  }

  const Surroundings& surroundings_;
  CLI::App app_{"Node attestation with TPM 2.0: judges and explains evidence"};
  std::function<int()> command_;
  VerifyOptions verify_;
  EventLogOptions event_log_;
  ImaOptions ima_;
  EndorsementOptions endorsement_;
  BaselineOptions baseline_;
};

}  // namespace

int Run(int argc, const char* const* argv, const Surroundings& surroundings) {
  try {
    CommandLine line(surroundings);
    try {
      return line.Run(argc, argv);
    } catch (const CLI::ParseError& error) {
      return line.Exit(error);
    }
  } catch (const std::exception& error) {
    surroundings.err << "kubectl plimsoll: " << error.what() << "\n";
    return kExitUnusable;
  }
}

}  // namespace plimsoll::plugin
