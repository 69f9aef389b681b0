#include "controller/policies/references.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/gzip.h"

namespace plimsoll::controller::policies {
namespace {

using std::chrono::sys_seconds;

TextSource SourceOf(const policy::ConfigMapKey& key) {
  return {.kind = TextSource::Kind::kConfigMap,
          .namespace_name = key.namespace_name,
          .name = key.name,
          .key = key.key};
}

TextSource SourceOf(const policy::AuthorityReference& reference) {
  if (reference.kind == policy::AuthorityReference::Kind::kConfigMap) {
    return {.kind = TextSource::Kind::kConfigMap,
            .namespace_name = reference.namespace_name,
            .name = reference.name,
            .key = reference.key};
  }
  return {.kind = TextSource::Kind::kClusterTrustBundle,
          .namespace_name = {},
          .name = reference.name,
          .key = {}};
}

std::vector<TextSource> SourcesOf(const policy::ReferenceValues& set) {
  std::vector<TextSource> sources;
  for (const policy::ConfigMapKey& key : set.allow_list_config_maps) {
    sources.push_back(SourceOf(key));
  }
  if (!set.allow_list_file.empty()) {
    sources.push_back({.kind = TextSource::Kind::kFile,
                       .namespace_name = {},
                       .name = set.allow_list_file,
                       .key = {}});
  }
  return sources;
}

struct Part {
  TextSource source;
  Text text;
};

// What a set is at that time: its validity changes without the object.
std::string ValidityOf(const policy::ReferenceValues& set, sys_seconds now) {
  return set.IsValidAt(now) ? "valid" : "outside";
}

std::optional<sys_seconds> NextChange(const policy::ReferenceValues& set, sys_seconds now) {
  std::optional<sys_seconds> next;
  const auto consider = [&](std::optional<sys_seconds> at) {
    if (at && *at > now && (!next || *at < *next)) {
      next = at;
    }
  };
  consider(set.not_before);
  if (set.not_after) {
    consider(*set.not_after + std::chrono::seconds(1));  // the last second still counts
  }
  return next;
}

// All parts joined into one list, or why not.
Result<ima::AllowList> ReadAllowList(const std::vector<Part>& parts) {
  std::vector<std::string> unpacked;
  unpacked.reserve(parts.size());  // the builder keeps views into them
  ima::AllowList::Builder builder;
  for (const Part& part : parts) {
    if (!part.text.content) {
      return Fail(ErrorCode::kNotFound, part.text.problem);
    }
    std::string_view text = *part.text.content;
    if (IsGzip(AsBytes(text))) {
      auto plain = Gunzip(AsBytes(text), ima::kMaxAllowListBytes);
      if (!plain) {
        return Wrap(ToText(part.source), plain.error());
      }
      text = unpacked.emplace_back(*std::move(plain));
    }
    PLIMSOLL_RETURN_IF_ERROR(builder.Add(text, ToText(part.source)));
  }
  return std::move(builder).Build();
}

}  // namespace

std::set<std::string> SetsNamedBy(const policy::AttestationPolicy& policy) {
  std::set<std::string> names;
  const auto add = [&](const std::vector<std::string>& refs) {
    names.insert(refs.begin(), refs.end());
  };
  for (const policy::PcrRule& rule : policy.pcrs) {
    add(rule.reference_refs);
  }
  if (policy.boot) {
    add(policy.boot->database_refs);
    add(policy.boot->component_refs);
    add(policy.boot->command_line.reference_refs);
  }
  add(policy.runtime.allow_list_refs);
  add(policy.runtime.key_refs);
  add(policy.identity.first_use.reference_refs);
  return names;
}

std::string InputLine(std::string_view kind, const policy::ObjectMeta& meta,
                      std::string_view more) {
  return fmt::format("{} {} {}{}{}\n", kind, meta.uid, meta.generation, more.empty() ? "" : " ",
                     more);
}

template <class T>
std::shared_ptr<References::Kept<T>> References::Slot(Store<T>& store,
                                                      const std::string& name) const {
  const std::lock_guard lock(mutex_);
  auto& slot = store[name];
  if (!slot) {
    slot = std::make_shared<Kept<T>>();
  }
  return slot;
}

std::shared_ptr<const ResolvedReference> References::Reference(const std::string& name,
                                                               sys_seconds now) const {
  const auto object = references_.Get(name);
  if (!object) {
    const std::lock_guard lock(mutex_);
    resolved_references_.erase(name);
    return nullptr;
  }
  const policy::ReferenceValues& set = *object->set;
  std::vector<Part> parts;
  std::vector<std::string> inputs = {InputLine("ReferenceValues", set.meta, ValidityOf(set, now))};
  for (const TextSource& source : SourcesOf(set)) {
    Text text = texts_.Get(source);
    inputs.push_back(fmt::format("Text {} {}\n", ToText(source), text.version));
    parts.push_back({source, std::move(text)});
  }
  std::string versions;
  for (const std::string& line : inputs) {
    versions += line;
  }
  const auto slot = Slot(resolved_references_, name);
  const std::lock_guard lock(slot->mutex);
  if (slot->resolved && slot->versions == versions) {
    return slot->resolved;
  }
  auto resolved = std::make_shared<ResolvedReference>();
  resolved->set = object->set;
  resolved->inputs = std::move(inputs);
  resolved->changes = NextChange(set, now);
  if (!parts.empty()) {
    auto list = ReadAllowList(parts);
    if (list) {
      resolved->files = std::make_shared<const ima::AllowList>(*std::move(list));
    } else {
      resolved->files_problem = list.error().message;
    }
  }
  slot->versions = std::move(versions);
  slot->resolved = std::move(resolved);
  return slot->resolved;
}

std::shared_ptr<const ResolvedAuthority> References::Authority(const std::string& name) const {
  const auto object = authorities_.Get(name);
  if (!object) {
    const std::lock_guard lock(mutex_);
    resolved_authorities_.erase(name);
    return nullptr;
  }
  policy::ReferencedTexts texts;
  std::vector<std::string> inputs = {InputLine("EndorsementAuthority", object->authority->meta)};
  std::string problem;
  for (const policy::AuthorityReference& reference : object->authority->references) {
    const TextSource source = SourceOf(reference);
    const Text text = texts_.Get(source);
    inputs.push_back(fmt::format("Text {} {}\n", ToText(source), text.version));
    if (text.content) {
      texts.emplace(reference, *text.content);
    } else if (problem.empty()) {
      problem = text.problem;
    }
  }
  std::string versions = problem;
  for (const std::string& line : inputs) {
    versions += line;
  }
  const auto slot = Slot(resolved_authorities_, name);
  const std::lock_guard lock(slot->mutex);
  if (slot->resolved && slot->versions == versions) {
    return slot->resolved;
  }
  auto resolved = std::make_shared<ResolvedAuthority>();
  resolved->authority = object->authority;
  resolved->inputs = std::move(inputs);
  if (!object->authority->references.empty()) {
    auto read = policy::EndorsementAuthority::Parse(object->text, texts);
    policy::EndorsementAuthority authority =
        read ? *std::move(read) : policy::EndorsementAuthority{};
    if (!read) {
      authority.problem = "cannot be read: " + read.error().message;
    } else if (!problem.empty() && !authority.problem.empty()) {
      authority.problem = problem;
    }
    authority.meta = object->authority->meta;
    resolved->authority =
        std::make_shared<const policy::EndorsementAuthority>(std::move(authority));
  }
  slot->versions = std::move(versions);
  slot->resolved = std::move(resolved);
  return slot->resolved;
}

}  // namespace plimsoll::controller::policies
