#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kubectl-plugin/documents.h"
#include "kubectl-plugin/program.h"
#include "tcg/algorithm.h"

// The subcommands, each in the file of its name. All return an exit code.
namespace plimsoll::plugin {

struct VerifyOptions {
  std::string bundle;
  std::vector<std::string> policies;  // files of YAML documents
  Format format = Format::kTable;
};
int Verify(const VerifyOptions& options, const Surroundings& surroundings);

struct EventLogOptions {
  std::string file;
  std::optional<tcg::AlgorithmId>
      bank;  // whose digests say what is trusted; default: the strongest
  Format format = Format::kTable;
};
int EventLog(const EventLogOptions& options, const Surroundings& surroundings);

struct ImaOptions {
  std::string file;
  std::optional<tcg::AlgorithmId> bank;
  std::optional<uint32_t> pcr;
  Format format = Format::kTable;
};
int Ima(const ImaOptions& options, const Surroundings& surroundings);

struct EndorsementOptions {
  std::string certificate;
  std::string roots;          // PEM; empty: the vendors' that come with the program
  std::string intermediates;  // PEM
  std::vector<std::string> revocation_lists;
  Format format = Format::kTable;
};
int Endorsement(const EndorsementOptions& options, const Surroundings& surroundings);

enum class BaselineKinds : uint8_t { kBoth, kReferenceValues, kAttestationPolicy };

struct BaselineOptions {
  std::string bundle;
  std::string name;  // of the objects; empty: after the node
  BaselineKinds kinds = BaselineKinds::kBoth;
  Format format = Format::kYaml;
};
int Baseline(const BaselineOptions& options, const Surroundings& surroundings);

}  // namespace plimsoll::plugin
