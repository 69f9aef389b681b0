#include "policy/reference_values.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/encoding.h"
#include "base/json.h"
#include "policy/spec_limits.h"
#include "policy/spec_reader.h"

namespace plimsoll::policy {
namespace {

using nlohmann::json;

ReferencePcr ReadPcr(SpecReader reader) {
  ReferencePcr pcr;
  pcr.bank = reader.Hash("bank").value_or(tcg::AlgorithmId::kSha256);
  int64_t index = -1;
  reader.Number("index", 0, kMaxPcr, index);
  if (index < 0) {
    reader.Refuse("index", "missing");
  }
  pcr.index = static_cast<uint32_t>(std::max<int64_t>(index, 0));
  pcr.digests = reader.Digests("digests", pcr.bank, kMaxDigestsPerPcr);
  if (pcr.digests.empty()) {
    reader.Refuse("digests", "empty");
  }
  reader.RefuseOthers();
  return pcr;
}

std::vector<ReferencePcr> ReadPcrs(SpecReader& spec) {
  std::vector<ReferencePcr> pcrs;
  for (const json* item : spec.List("pcrs", kMaxReferencePcrs)) {
    ReferencePcr pcr = ReadPcr(spec.Element("pcrs", pcrs.size(), *item));
    const bool repeated = std::any_of(pcrs.begin(), pcrs.end(), [&pcr](const ReferencePcr& other) {
      return other.bank == pcr.bank && other.index == pcr.index;
    });
    if (repeated) {
      spec.Refuse("pcrs", "the same bank and index twice");
    }
    pcrs.push_back(std::move(pcr));
  }
  return pcrs;
}

ReferenceDigest ReadDigest(SpecReader reader) {
  ReferenceDigest digest;
  digest.algorithm = reader.Hash("algorithm").value_or(tcg::AlgorithmId::kSha256);
  const std::string text = reader.Text("value", 2 * kMaxWordBytes).value_or("");
  auto value = FromHex(text);
  if (!value || value->size() != tcg::DigestSize(digest.algorithm)) {
    reader.Refuse("value", "\"" + text + "\" is not lower-case hex of the algorithm's length");
  } else {
    digest.value = *std::move(value);
  }
  reader.RefuseOthers();
  return digest;
}

ReferenceComponent ReadComponent(SpecReader reader) {
  ReferenceComponent component;
  const std::string role = reader.Text("role", kMaxWordBytes).value_or("");
  if (const auto known = eventlog::RoleFromName(role)) {
    component.role = *known;
  } else {
    reader.Refuse("role", "\"" + role + "\" is no role");
  }
  component.name = reader.Text("name", kMaxComponentNameBytes).value_or("");
  for (const json* item : reader.List("digests", kMaxDigestsPerComponent)) {
    component.digests.push_back(
        ReadDigest(reader.Element("digests", component.digests.size(), *item)));
  }
  component.signers =
      reader.Digests("signerCertificateSHA256", tcg::AlgorithmId::kSha256, kMaxSignersPerComponent);
  if (component.digests.empty() && component.signers.empty()) {
    reader.Refuse("digests", "neither a digest nor a signer");
  }
  reader.RefuseOthers();
  return component;
}

// Entries are hashes of the sizes that signature lists know: SHA-1 to SHA-512.
std::vector<Bytes> ReadEntries(SpecReader& reader) {
  std::vector<Bytes> entries;
  for (const std::string& text : reader.Texts("entries", kMaxDatabaseEntries, 2 * kMaxWordBytes)) {
    auto value = FromHex(text);
    const bool known = value && (value->size() == 20 || value->size() == 28 ||
                                 value->size() == 32 || value->size() == 48 || value->size() == 64);
    if (!known) {
      reader.Refuse("entries", "\"" + text + "\" is no hash in lower-case hex");
      return {};
    }
    entries.push_back(*std::move(value));
  }
  return entries;
}

std::map<SecureBootDatabase, ReferenceDatabase> ReadDatabases(SpecReader reader) {
  std::map<SecureBootDatabase, ReferenceDatabase> databases;
  for (const SecureBootDatabase which : kSecureBootDatabases) {
    const json* value = reader.Get(ToString(which));
    if (value == nullptr) {
      continue;
    }
    SpecReader entry = reader.Object(ToString(which));
    ReferenceDatabase database;
    database.match =
        which == SecureBootDatabase::kDbx ? DatabaseMatch::kSuperset : DatabaseMatch::kExact;
    entry.Choice<DatabaseMatch>("match",
                                {{"Exact", DatabaseMatch::kExact},
                                 {"Subset", DatabaseMatch::kSubset},
                                 {"Superset", DatabaseMatch::kSuperset}},
                                database.match);
    // {} says nothing about the database; an empty list says that it is to be empty.
    const bool says_something = entry.Get("entries") != nullptr || entry.Get("match") != nullptr;
    database.entries = ReadEntries(entry);
    entry.RefuseOthers();
    if (says_something) {
      databases.emplace(which, std::move(database));
    }
  }
  reader.RefuseOthers();
  return databases;
}

ConfigMapKey ReadConfigMapKey(SpecReader reader) {
  ConfigMapKey key;
  key.namespace_name = reader.Text("namespace", kMaxObjectNameBytes).value_or("");
  key.name = reader.Text("name", kMaxObjectNameBytes).value_or("");
  key.key = reader.Text("key", kMaxObjectNameBytes).value_or("");
  if (key.namespace_name.empty() || key.name.empty() || key.key.empty()) {
    reader.Refuse("name", "namespace, name and key are all needed");
  }
  reader.RefuseOthers();
  return key;
}

void ReadFiles(SpecReader reader, ReferenceValues& values) {
  size_t index = 0;
  for (const json* item : reader.List("configMapKeyRefs", kMaxConfigMapKeys)) {
    values.allow_list_config_maps.push_back(
        ReadConfigMapKey(reader.Element("configMapKeyRefs", index++, *item)));
  }
  values.allow_list_file = reader.Text("fileName", kMaxFileNameBytes).value_or("");
  const std::string& file = values.allow_list_file;
  if (file == "." || file == ".." || file.find('/') != std::string::npos ||
      file.find('\0') != std::string::npos) {
    reader.Refuse("fileName", "not one path element");
    values.allow_list_file.clear();
  }
  reader.RefuseOthers();
}

std::vector<ReferenceKey> ReadKeys(SpecReader& spec) {
  std::vector<ReferenceKey> keys;
  std::set<std::string> names;
  for (const json* item : spec.List("keys", kMaxKeys)) {
    SpecReader reader = spec.Element("keys", keys.size(), *item);
    ReferenceKey key;
    key.name = reader.Text("name", kMaxKeyNameBytes).value_or("");
    key.pem = reader.Text("pem", kMaxKeyPemBytes).value_or("");
    if (key.name.empty() || key.pem.empty()) {
      reader.Refuse("pem", "name or key missing");
    }
    if (!names.insert(key.name).second) {
      reader.Refuse("name", "the same name twice");
    }
    reader.RefuseOthers();
    keys.push_back(std::move(key));
  }
  return keys;
}

}  // namespace

std::string_view ToString(ReferenceState state) {
  switch (state) {
    case ReferenceState::kActive:
      return "Active";
    case ReferenceState::kDeprecated:
      return "Deprecated";
    case ReferenceState::kRevoked:
      return "Revoked";
  }
  return "";
}

std::string_view ToString(DatabaseMatch match) {
  switch (match) {
    case DatabaseMatch::kExact:
      return "Exact";
    case DatabaseMatch::kSubset:
      return "Subset";
    case DatabaseMatch::kSuperset:
      return "Superset";
  }
  return "";
}

std::string_view ToString(SecureBootDatabase database) {
  switch (database) {
    case SecureBootDatabase::kPk:
      return "PK";
    case SecureBootDatabase::kKek:
      return "KEK";
    case SecureBootDatabase::kDb:
      return "db";
    case SecureBootDatabase::kDbx:
      return "dbx";
  }
  return "";
}

Result<ReferenceValues> ReferenceValues::Parse(std::string_view text) {
  PLIMSOLL_ASSIGN_OR_RETURN(const json object, ParseJson(text, {kMaxObjectBytes, kMaxObjectDepth}));
  ReferenceValues values;
  PLIMSOLL_ASSIGN_OR_RETURN(values.meta, ReadMeta(object, "ReferenceValues"));
  Problem problem;
  const auto value = object.find("spec");
  if (value == object.end() || !value->is_object()) {
    values.problem = "spec: missing";
    return values;
  }
  SpecReader spec(&*value, "spec", problem);
  // A word that is not understood must not make a set count.
  if (spec.Get("state") != nullptr) {
    values.state = ReferenceState::kRevoked;
    spec.Choice<ReferenceState>("state",
                                {{"Active", ReferenceState::kActive},
                                 {"Deprecated", ReferenceState::kDeprecated},
                                 {"Revoked", ReferenceState::kRevoked}},
                                values.state);
  }
  values.not_before = spec.Time("notBefore");
  values.not_after = spec.Time("notAfter");
  values.description = spec.Text("description", kMaxDescriptionBytes).value_or("");
  spec.Choice<bool>("consistency", {{"Any", false}, {"Tuple", true}}, values.tuple);
  values.pcrs = ReadPcrs(spec);
  for (const json* item : spec.List("components", kMaxComponents)) {
    values.components.push_back(
        ReadComponent(spec.Element("components", values.components.size(), *item)));
  }
  values.command_lines = spec.Texts("commandLines", kMaxCommandLines, kMaxCommandLineBytes);
  values.databases = ReadDatabases(spec.Object("secureBootDatabases"));
  ReadFiles(spec.Object("files"), values);
  values.keys = ReadKeys(spec);
  spec.RefuseOthers();
  values.problem = problem.text();
  values.unknown_field = problem.unknown_field();
  return values;
}

bool ReferenceValues::IsValidAt(std::chrono::sys_seconds time) const {
  return (!not_before || *not_before <= time) && (!not_after || time <= *not_after);
}

}  // namespace plimsoll::policy
