#include <fmt/format.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "crypto/endorsement_certificate.h"
#include "crypto/endorsement_revocation.h"
#include "crypto/endorsement_roots.h"
#include "crypto/endorsement_verdict.h"
#include "crypto/vendors/tpm_vendors.h"
#include "kubectl-plugin/commands.h"
#include "kubectl-plugin/files.h"

namespace plimsoll::plugin {
namespace {

using nlohmann::ordered_json;

Result<crypto::EndorsementRoots> ReadRoots(const EndorsementOptions& options,
                                           const Surroundings& surroundings) {
  std::string anchors;
  std::string intermediates;
  crypto::EndorsementRoots::Sources sources;
  if (!options.roots.empty()) {
    PLIMSOLL_ASSIGN_OR_RETURN(
        anchors, ReadFile(options.roots, crypto::EndorsementRoots::kMaxPemBytes, surroundings));
    sources.anchors = anchors;
  } else {
    sources.bundle = crypto::TpmVendors();
  }
  if (!options.intermediates.empty()) {
    PLIMSOLL_ASSIGN_OR_RETURN(
        intermediates,
        ReadFile(options.intermediates, crypto::EndorsementRoots::kMaxPemBytes, surroundings));
    sources.intermediates = intermediates;
  }
  return crypto::EndorsementRoots::Create(sources);
}

Result<std::optional<crypto::RevocationLists>> ReadRevocation(const EndorsementOptions& options,
                                                              const Surroundings& surroundings) {
  if (options.revocation_lists.empty()) {
    return std::optional<crypto::RevocationLists>();
  }
  std::vector<std::string> texts;
  for (const std::string& path : options.revocation_lists) {
    PLIMSOLL_ASSIGN_OR_RETURN(std::string text,
                              ReadFile(path, crypto::RevocationLists::kMaxBytes, surroundings));
    texts.push_back(std::move(text));
  }
  std::vector<ByteSpan> parts;
  for (const std::string& text : texts) {
    parts.push_back(AsBytes(text));
  }
  PLIMSOLL_ASSIGN_OR_RETURN(auto lists, crypto::RevocationLists::Parse(parts));
  return std::optional(std::move(lists));
}

ordered_json TextOrNull(const std::string& text) {
  return text.empty() ? ordered_json(nullptr) : ordered_json(text);
}

void PrintTable(const ordered_json& document, std::ostream& out) {
  for (const auto& [key, value] : document.items()) {
    if (key == "chain") {
      for (const ordered_json& subject : value) {
        out << fmt::format("{:<13} {}\n", "issued by", subject.get<std::string>());
      }
    } else if (!value.is_null()) {
      out << fmt::format("{:<13} {}\n", key,
                         value.is_string() ? value.get<std::string>() : value.dump());
    }
  }
}

}  // namespace

int Endorsement(const EndorsementOptions& options, const Surroundings& surroundings) {
  constexpr size_t kMaxFileBytes = 1024 * 1024;
  const auto file = ReadFile(options.certificate, kMaxFileBytes, surroundings);
  if (!file) {
    return Unusable(file.error(), surroundings);
  }
  const auto roots = ReadRoots(options, surroundings);
  if (!roots) {
    return Unusable({roots.error().code, "trusted CAs: " + roots.error().message}, surroundings);
  }
  auto revocation = ReadRevocation(options, surroundings);
  if (!revocation) {
    return Unusable({revocation.error().code, "revocation lists: " + revocation.error().message},
                    surroundings);
  }
  crypto::EndorsementRules rules;
  rules.revocation = *std::move(revocation);
  const auto verdict =
      crypto::VerifyEndorsement(AsBytes(*file), {}, *roots, rules, surroundings.clock.Wall());
  if (!verdict) {
    return Unusable(verdict.error(), surroundings);
  }
  ordered_json document = {{"accepted", verdict->accepted},
                           {"reason", verdict->reason},
                           {"check", TextOrNull(std::string(verdict->check))},
                           {"manufacturer", TextOrNull(verdict->manufacturer)},
                           {"model", TextOrNull(verdict->model)},
                           {"version", TextOrNull(verdict->version)},
                           {"firmware", TextOrNull(verdict->firmware)},
                           {"keyType", TextOrNull(verdict->key_type)}};
  document["notAfter"] = verdict->key_type.empty()
                             ? ordered_json(nullptr)
                             : ordered_json(crypto::FormatCertificateTime(verdict->not_after));
  document["chain"] = verdict->chain;
  if (options.format == Format::kJson) {
    surroundings.out << document.dump(2, ' ', false, ordered_json::error_handler_t::replace)
                     << "\n";
  } else {
    PrintTable(document, surroundings.out);
  }
  return verdict->accepted ? kExitTrusted : kExitUntrusted;
}

}  // namespace plimsoll::plugin
