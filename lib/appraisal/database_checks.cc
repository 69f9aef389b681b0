#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "appraisal/boot_checks.h"
#include "base/encoding.h"

namespace plimsoll::appraisal {
namespace {

using policy::DatabaseMatch;
using policy::ReferenceDatabase;
using policy::SecureBootDatabase;

constexpr uint32_t kSecureBootPcr = 7;

const eventlog::SignatureDatabase& Measured(const eventlog::BootFacts& facts,
                                            SecureBootDatabase which) {
  switch (which) {
    case SecureBootDatabase::kPk:
      return facts.pk;
    case SecureBootDatabase::kKek:
      return facts.kek;
    case SecureBootDatabase::kDb:
      return facts.db;
    case SecureBootDatabase::kDbx:
      break;
  }
  return facts.dbx;
}

// Why a measured database is not the listed one.
struct Difference {
  SecureBootDatabase which = SecureBootDatabase::kPk;
  std::optional<uint32_t> event;
  std::string observed;
  std::string expected;
  std::string message;
};

std::optional<Difference> Compare(SecureBootDatabase which, const ReferenceDatabase& listed,
                                  const eventlog::SignatureDatabase& measured) {
  const std::string_view name = policy::ToString(which);
  Difference difference{which, measured.event, {}, {}, {}};
  if (!measured.event) {
    difference.message = fmt::format("the boot event log has no {} variable", name);
    return difference;
  }
  if (!measured.usable()) {
    difference.message = fmt::format("{} cannot be judged: {}", name,
                                     !measured.covered    ? "its digest does not cover it"
                                     : !measured.readable ? "its signature lists are malformed"
                                                          : "it has more entries than are kept");
    return difference;
  }
  const std::set<Bytes> accepted(listed.entries.begin(), listed.entries.end());
  std::set<Bytes> present;
  for (const eventlog::SignatureEntry& entry : measured.entries.items) {
    present.insert(entry.value);
    if (listed.match != DatabaseMatch::kSuperset && !accepted.contains(entry.value)) {
      difference.observed = ToHex(entry.value);
      difference.message = fmt::format("{} has an entry that is not listed ({} {})", name,
                                       eventlog::ToString(entry.kind), difference.observed);
      return difference;
    }
  }
  if (listed.match == DatabaseMatch::kSubset) {
    return std::nullopt;
  }
  size_t missing = 0;
  for (const Bytes& entry : accepted) {
    if (!present.contains(entry) && missing++ == 0) {
      difference.expected = ToHex(entry);
    }
  }
  if (missing == 0) {
    return std::nullopt;
  }
  difference.message = fmt::format("{} lacks {} listed entr{}, the first of them {}", name, missing,
                                   missing == 1 ? "y" : "ies", difference.expected);
  return difference;
}

// nullopt: the node's databases are those of the set.
std::optional<Difference> Compare(const policy::ReferenceValues& set,
                                  const eventlog::BootFacts& facts) {
  for (const auto& [which, listed] : set.databases) {
    if (auto difference = Compare(which, listed, Measured(facts, which))) {
      return difference;
    }
  }
  return std::nullopt;
}

}  // namespace

void B06_DatabasesAreAccepted(BootReader& reader) {
  const auto& sets = reader.policy().database_sets();
  if (sets.empty() || !reader.HasLog("B6") || !reader.MayRead(kSecureBootPcr)) {
    return;
  }
  const PcrReference reference{reader.bank(), kSecureBootPcr};
  bool accepted = false;
  std::optional<Difference> nearest;
  std::string nearest_set;
  std::string why;
  for (const policy::ReferenceSet& set : sets) {
    auto difference = Compare(*set, reader.log());
    if (!difference && set->state == policy::ReferenceState::kRevoked) {
      Finding& finding =
          reader.Add("B6", Reason::kReferenceRevoked,
                     fmt::format("the Secure Boot databases are those of {}, which is revoked",
                                 set->meta.name));
      finding.pcr = reference;
      finding.closest = set->meta.name;
      return;
    }
    if (!reader.policy().Accepts(*set)) {
      if (!difference) {
        why = fmt::format(" (they are those of {}, which is outside of its time)", set->meta.name);
      }
      continue;
    }
    accepted = accepted || !difference;
    if (!difference) {
      reader.Match(*set);
    }
    if (!difference && set->state == policy::ReferenceState::kDeprecated) {
      Finding& finding =
          reader.Add("B6", std::nullopt,
                     fmt::format("the Secure Boot databases are those of {}, which is deprecated",
                                 set->meta.name));
      finding.pcr = reference;
      finding.closest = set->meta.name;
    }
    if (difference && !nearest) {
      nearest = std::move(difference);
      nearest_set = set->meta.name;
    }
  }
  if (accepted) {
    return;
  }
  Finding& finding = reader.Add(
      "B6", Reason::kBootComponentNotAccepted,
      fmt::format("the Secure Boot databases are those of no accepted reference set{}", why));
  finding.pcr = reference;
  if (!nearest) {
    return;
  }
  finding.message += fmt::format("; against {}: {}", nearest_set, nearest->message);
  if (nearest->event) {
    finding.event = EventReference{*nearest->event, "EV_EFI_VARIABLE_DRIVER_CONFIG"};
  }
  finding.observed = nearest->observed;
  finding.expected = nearest->expected;
  finding.closest = nearest_set;
}

}  // namespace plimsoll::appraisal
