#include "policy/endorsement_authority.h"

#include <fmt/format.h>

#include "base/json.h"
#include "crypto/tpm_vendor.h"
#include "crypto/vendors/tpm_vendors.h"
#include "policy/spec_reader.h"

namespace plimsoll::policy {
namespace {

using nlohmann::json;

// The bounds of the CRD's schema.
constexpr size_t kMaxBundles = 16;
constexpr size_t kMaxInlineBytes = 256 * 1024;
constexpr size_t kMaxManufacturers = 64;
constexpr size_t kMaxManufacturerBytes = 8;
constexpr size_t kMaxDenied = 64;
constexpr size_t kMaxModelBytes = 128;
constexpr size_t kMaxBoundBytes = 32;
constexpr size_t kMaxReasonBytes = 256;
constexpr size_t kMaxLists = 16;
constexpr std::string_view kBuiltin = "TPMVendors";

// Reads the sources of certificates and lists.
class SourceReader {
 public:
  SourceReader(const ReferencedTexts& texts, std::vector<AuthorityReference>& references)
      : texts_(texts), references_(references) {}

  // Exactly one source; true for the built-in one, which only bundles have.
  bool Read(SpecReader& item, bool bundle, std::string& text) {
    const auto inline_text = item.Text("inline", kMaxInlineBytes);
    const auto builtin = bundle ? item.Text("builtin", kMaxObjectNameBytes) : std::nullopt;
    const bool config_map = item.Get("configMapKeyRef") != nullptr;
    const bool trust_bundle = bundle && item.Get("clusterTrustBundleRef") != nullptr;
    const int sources =
        (inline_text ? 1 : 0) + (builtin ? 1 : 0) + (config_map ? 1 : 0) + (trust_bundle ? 1 : 0);
    if (sources != 1) {
      item.Refuse("inline", fmt::format("{} sources, exactly one is needed", sources));
    } else if (builtin && *builtin != kBuiltin) {
      item.Refuse("builtin", "not TPMVendors, which is the only one");
    } else if (inline_text) {
      text += *inline_text;
    } else if (config_map) {
      ReadReference(item, "configMapKeyRef", AuthorityReference::Kind::kConfigMap, text);
    } else if (trust_bundle) {
      ReadReference(item, "clusterTrustBundleRef", AuthorityReference::Kind::kClusterTrustBundle,
                    text);
    }
    item.RefuseOthers();
    return builtin.has_value();
  }

 private:
  void ReadReference(SpecReader& item, std::string_view field, AuthorityReference::Kind kind,
                     std::string& text) {
    SpecReader spec = item.Object(field);
    AuthorityReference reference{.kind = kind, .namespace_name = {}, .name = {}, .key = {}};
    const auto read = [&spec](std::string_view key) {
      auto value = spec.Text(key, kMaxObjectNameBytes);
      if (!value || value->empty()) {
        spec.Refuse(key, "missing");
      }
      return value.value_or("");
    };
    if (kind == AuthorityReference::Kind::kConfigMap) {
      reference.namespace_name = read("namespace");
      reference.key = read("key");
    }
    reference.name = read("name");
    spec.RefuseOthers();
    const auto found = texts_.find(reference);
    if (found == texts_.end()) {
      item.Refuse(field, ToText(reference) + " has not been read");
    } else {
      text += found->second;
    }
    references_.push_back(std::move(reference));
  }

  const ReferencedTexts& texts_;
  std::vector<AuthorityReference>& references_;
};

struct Bundles {
  std::string pem;
  bool builtin = false;
};

Bundles ReadBundles(SpecReader& spec, SourceReader& sources) {
  Bundles bundles;
  size_t index = 0;
  for (const json* item : spec.List("bundles", kMaxBundles)) {
    SpecReader bundle = spec.Element("bundles", index++, *item);
    bundles.builtin = sources.Read(bundle, true, bundles.pem) || bundles.builtin;
    bundles.pem += '\n';
  }
  if (index == 0) {
    spec.Refuse("bundles", "empty");
  }
  return bundles;
}

void ReadManufacturers(SpecReader& spec, std::vector<std::string>& manufacturers) {
  for (const std::string& text :
       spec.Texts("allowedManufacturers", kMaxManufacturers, kMaxManufacturerBytes)) {
    const std::string id = crypto::VendorIdOf(text);
    if (id.empty()) {
      spec.Refuse("allowedManufacturers", fmt::format("\"{}\" is no TCG vendor id", text));
    }
    manufacturers.push_back(id);
  }
}

void ReadDenied(SpecReader& spec, std::vector<crypto::EndorsementDenial>& denied) {
  size_t index = 0;
  for (const json* item : spec.List("denied", kMaxDenied)) {
    const size_t at = index++;
    SpecReader rule = spec.Element("denied", at, *item);
    crypto::EndorsementDenial::Fields fields;
    fields.manufacturer = rule.Text("manufacturer", kMaxManufacturerBytes).value_or("");
    fields.model = rule.Text("model", kMaxModelBytes).value_or("");
    fields.firmware_from = rule.Text("firmwareFrom", kMaxBoundBytes).value_or("");
    fields.firmware_to = rule.Text("firmwareTo", kMaxBoundBytes).value_or("");
    fields.reason = rule.Text("reason", kMaxReasonBytes).value_or("");
    rule.RefuseOthers();
    if (auto denial = crypto::EndorsementDenial::Create(std::move(fields))) {
      denied.push_back(*std::move(denial));
    } else {
      spec.Refuse(fmt::format("denied[{}]", at), denial.error().message);
    }
  }
}

void ReadRevocation(SpecReader& spec, SourceReader& sources, Problem& problem,
                    std::optional<crypto::RevocationLists>& lists) {
  SpecReader revocation = spec.Object("revocation");
  bool required = false;
  revocation.Choice<bool>("mode", {{"Ignored", false}, {"Required", true}}, required);
  std::vector<std::string> texts;
  for (const json* item : revocation.List("lists", kMaxLists)) {
    SpecReader list = revocation.Element("lists", texts.size(), *item);
    sources.Read(list, false, texts.emplace_back());
  }
  revocation.RefuseOthers();
  if (!required || problem.any()) {
    return;
  }
  std::vector<ByteSpan> parts;
  for (const std::string& text : texts) {
    parts.push_back(AsBytes(text));
  }
  if (parts.empty()) {
    revocation.Refuse("lists", "empty, and mode is Required");
  } else if (auto parsed = crypto::RevocationLists::Parse(parts)) {
    lists = *std::move(parsed);
  } else {
    revocation.Refuse("lists", parsed.error().message);
  }
}

}  // namespace

std::string ToText(const AuthorityReference& reference) {
  return reference.kind == AuthorityReference::Kind::kConfigMap
             ? fmt::format("ConfigMap {}/{}, key {}", reference.namespace_name, reference.name,
                           reference.key)
             : fmt::format("ClusterTrustBundle {}", reference.name);
}

Result<EndorsementAuthority> EndorsementAuthority::Parse(std::string_view text,
                                                         const ReferencedTexts& texts) {
  PLIMSOLL_ASSIGN_OR_RETURN(const json object, ParseJson(text, {kMaxObjectBytes, kMaxObjectDepth}));
  EndorsementAuthority authority;
  PLIMSOLL_ASSIGN_OR_RETURN(authority.meta, ReadMeta(object, "EndorsementAuthority"));
  Problem problem;
  const auto value = object.find("spec");
  if (value == object.end() || !value->is_object()) {
    authority.problem = "spec: missing";
    return authority;
  }
  SpecReader spec(&*value, "spec", problem);
  SourceReader sources(texts, authority.references);
  crypto::EndorsementRules& rules = authority.rules;
  const Bundles bundles = ReadBundles(spec, sources);
  ReadManufacturers(spec, rules.allowed_manufacturers);
  ReadDenied(spec, rules.denied);
  spec.Choice<bool>("validity", {{"Enforce", true}, {"IgnoreExpiry", false}},
                    rules.chain.enforce_validity);
  spec.Choice<bool>("extendedKeyUsage", {{"Required", true}, {"Optional", false}},
                    rules.chain.require_extended_key_usage);
  ReadRevocation(spec, sources, problem, rules.revocation);
  spec.RefuseOthers();
  if (!problem.any()) {
    auto roots = crypto::EndorsementRoots::Create(
        {.anchors = bundles.pem,
         .intermediates = {},
         .bundle = bundles.builtin ? std::optional(crypto::TpmVendors()) : std::nullopt});
    if (roots) {
      authority.roots = *std::move(roots);
    } else {
      problem.Note("spec.bundles: " + roots.error().message);
    }
  }
  authority.problem = problem.text();
  authority.unknown_field = problem.unknown_field();
  return authority;
}

Result<crypto::EndorsementVerdict> EndorsementAuthority::Verify(
    const crypto::EndorsementCertificate& certificate, const std::vector<Bytes>& offered,
    WallTime now) const {
  if (!problem.empty() || !roots) {
    return Fail(ErrorCode::kUnsupported, "EndorsementAuthority " + meta.name + ": " + problem);
  }
  return crypto::VerifyEndorsement(certificate, offered, *roots, rules, now);
}

}  // namespace plimsoll::policy
