#include "policy/endorsement_authority.h"

#include <algorithm>

#include "base/json.h"
#include "policy/spec_reader.h"

namespace plimsoll::policy {
namespace {

using nlohmann::json;

constexpr size_t kMaxBundles = 16;
constexpr size_t kMaxInlineBytes = 512 * 1024;
constexpr size_t kMaxManufacturers = 64;
constexpr size_t kMaxVendorIdBytes = 8;

// All bundles as one PEM text.
std::string ReadBundles(SpecReader& spec) {
  std::string pem;
  size_t index = 0;
  for (const json* item : spec.List("bundles", kMaxBundles)) {
    SpecReader bundle = spec.Element("bundles", index++, *item);
    const auto text = bundle.Text("inline", kMaxInlineBytes);
    if (!text) {
      bundle.Refuse("inline", "missing");
    }
    bundle.RefuseOthers();
    pem += text.value_or("") + "\n";
  }
  if (index == 0) {
    spec.Refuse("bundles", "empty");
  }
  return pem;
}

}  // namespace

Result<EndorsementAuthority> EndorsementAuthority::Parse(std::string_view text) {
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
  const std::string pem = ReadBundles(spec);
  authority.allowed_manufacturers =
      spec.Texts("allowedManufacturers", kMaxManufacturers, kMaxVendorIdBytes);
  spec.Choice<bool>("validity", {{"Enforce", true}, {"IgnoreExpiry", false}},
                    authority.chain.enforce_validity);
  spec.Choice<bool>("extendedKeyUsage", {{"Required", true}, {"Optional", false}},
                    authority.chain.require_extended_key_usage);
  spec.RefuseOthers();
  if (!problem.any()) {
    if (auto roots = crypto::EndorsementRoots::FromPem(pem)) {
      authority.roots = *std::move(roots);
    } else {
      problem.Note("spec.bundles: " + roots.error().message);
    }
  }
  authority.problem = problem.text();
  return authority;
}

bool EndorsementAuthority::Allows(std::string_view manufacturer) const {
  return allowed_manufacturers.empty() ||
         std::find(allowed_manufacturers.begin(), allowed_manufacturers.end(), manufacturer) !=
             allowed_manufacturers.end();
}

}  // namespace plimsoll::policy
