#include "api/stored_facts.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "api/json_fields.h"
#include "appraisal/boot_archive.h"
#include "appraisal/facts_json.h"
#include "base/encoding.h"
#include "tcg/algorithm.h"

namespace plimsoll::api {
namespace {

using nlohmann::json;

constexpr size_t kMaxBootRecordBytes = size_t{64} * 1024;
constexpr size_t kMaxShownComponents = 128;
constexpr size_t kMaxShownAuthorities = 32;

Result<tcg::AlgorithmId> BankFromName(std::string_view name) {
  const auto bank = tcg::BankFromName(name);
  if (!bank) {
    return Fail(ErrorCode::kMalformed, "stored PCR of an unknown bank");
  }
  return *bank;
}

Result<std::optional<appraisal::BootEvidence>> StoredBoot(const BootRecord& record) {
  if (record.digest.empty()) {
    return std::optional<appraisal::BootEvidence>();
  }
  if (record.dropped()) {
    return Fail(ErrorCode::kInternal, "the boot facts were not read with the object");
  }
  PLIMSOLL_ASSIGN_OR_RETURN(const json boot, json_fields::ParseObject(record.json));
  PLIMSOLL_ASSIGN_OR_RETURN(const std::string text, json_fields::String(boot, "facts"));
  if (text.empty()) {
    return std::optional<appraisal::BootEvidence>();  // they were too large to be stored
  }
  PLIMSOLL_ASSIGN_OR_RETURN(const Bytes archive, FromBase64(text, appraisal::kMaxBootArchiveBytes));
  PLIMSOLL_ASSIGN_OR_RETURN(appraisal::BootEvidence evidence, appraisal::ReadBootArchive(archive));
  return std::optional(std::move(evidence));
}

appraisal::AdmissionRecord::By ByOf(Admission::By by) {
  switch (by) {
    case Admission::By::kHuman:
      return appraisal::AdmissionRecord::By::kHuman;
    case Admission::By::kEndorsementCertificate:
      return appraisal::AdmissionRecord::By::kEndorsementCertificate;
    case Admission::By::kFirstUse:
      return appraisal::AdmissionRecord::By::kFirstUse;
  }
  return appraisal::AdmissionRecord::By::kFirstUse;
}

// A value that cannot be read stays, with no bytes: as if it were not there it could be recorded
// anew.
appraisal::BaselineRecord RecordOfBaseline(const Baseline& baseline) {
  appraisal::BaselineRecord record{.policy_uid = baseline.policy_uid, .pcrs = {}};
  for (const BaselinePcr& pcr : baseline.pcrs) {
    const auto bank = tcg::BankFromName(pcr.bank);
    if (bank && pcr.index >= 0 && pcr.index <= 31) {
      record.pcrs.push_back({.bank = *bank,
                             .index = static_cast<uint32_t>(pcr.index),
                             .digest = FromHex(pcr.digest).value_or(Bytes())});
    }
  }
  return record;
}

// The databases with the number of their entries: those themselves are in `facts`.
void ShortenDatabases(json& boot) {
  const auto databases = boot.find("databases");
  if (databases == boot.end()) {
    return;
  }
  for (json& database : *databases) {
    database["entries"] = database["entries"].size();
  }
}

void Cut(json& boot, const char* list, size_t limit) {
  const auto found = boot.find(list);
  if (found != boot.end() && found->size() > limit) {
    found->erase(found->begin() + static_cast<std::ptrdiff_t>(limit), found->end());
    boot["factsTruncated"] = true;
  }
}

std::string Canonical(const json& boot) {
  return boot.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace

Result<appraisal::Facts> StoredFacts(const NodeAttestationStatus& status) {
  appraisal::Facts facts;
  for (const PcrValue& pcr : status.pcrs) {
    PLIMSOLL_ASSIGN_OR_RETURN(const tcg::AlgorithmId bank, BankFromName(pcr.bank));
    PLIMSOLL_ASSIGN_OR_RETURN(Bytes digest, FromHex(pcr.digest));
    if (digest.size() != tcg::DigestSize(bank) || pcr.index < 0 || pcr.index > 31) {
      return Fail(ErrorCode::kMalformed, "stored PCR value of the wrong length or index");
    }
    facts.pcrs.push_back(
        {.bank = bank, .index = static_cast<uint32_t>(pcr.index), .digest = std::move(digest)});
  }
  if (status.clock) {
    facts.clock =
        tcg::ClockInfo{.clock = static_cast<uint64_t>(status.clock->clock),
                       .reset_count = static_cast<uint32_t>(status.clock->reset_count),
                       .restart_count = static_cast<uint32_t>(status.clock->restart_count),
                       .safe = status.clock->safe};
    facts.unexplained_reset = status.clock->unexplained_reset;
    if (!status.clock->firmware_version.empty()) {
      PLIMSOLL_ASSIGN_OR_RETURN(facts.firmware,
                                policy::FirmwareVersion::Parse(status.clock->firmware_version));
    }
  }
  facts.boot_id = status.boot_id;
  PLIMSOLL_ASSIGN_OR_RETURN(facts.boot, StoredBoot(status.boot));
  return facts;
}

BootRecord RecordOf(const appraisal::BootEvidence& boot) {
  const json whole = appraisal::ToJson(boot);
  json record = json::object();
  for (const char* shown :
       {"eventLog", "detail", "logDigest", "bank", "secureBoot", "secureBootDetail", "databases",
        "authorities", "components", "kernelCommandLine", "firmwareVersion", "factsTruncated"}) {
    const auto member = whole.find(shown);
    if (member != whole.end() && !member->is_null()) {
      record[shown] = *member;
    }
  }
  ShortenDatabases(record);
  Cut(record, "components", kMaxShownComponents);
  Cut(record, "authorities", kMaxShownAuthorities);
  record["facts"] = ToBase64(appraisal::ArchiveBootEvidence(boot));
  std::string text = Canonical(record);
  if (text.size() > kMaxBootRecordBytes) {
    Cut(record, "components", 0);
    Cut(record, "authorities", 0);
    text = Canonical(record);
  }
  if (text.size() > kMaxBootRecordBytes) {
    record.erase("facts");
    record["factsTruncated"] = true;
    text = Canonical(record);
  }
  return BootRecord::Of(std::move(text));
}

appraisal::IdentityFacts IdentityFactsOf(const TpmIdentity& identity) {
  appraisal::IdentityFacts facts;
  switch (identity.decision) {
    case Decision::kPending:
      facts.decision = appraisal::Decision::kPending;
      break;
    case Decision::kApproved:
      facts.decision = appraisal::Decision::kApproved;
      break;
    case Decision::kDenied:
      facts.decision = appraisal::Decision::kDenied;
      break;
    case Decision::kRevoked:
      facts.decision = appraisal::Decision::kRevoked;
      break;
  }
  for (const Admission& admission : identity.status.admissions) {
    facts.admissions.push_back({.by = ByOf(admission.by), .ref = admission.ref});
  }
  for (const Baseline& baseline : identity.status.baselines) {
    facts.baselines.push_back(RecordOfBaseline(baseline));
  }
  if (identity.status.attestation_key) {
    facts.key_profile = crypto::KeyProfileFromName(identity.status.attestation_key->profile)
                            .value_or(crypto::KeyProfile::kOther);
  }
  // The certificate's word counts once it was judged good; without one, the word of the TPM that a
  // person approved.
  if (!identity.status.endorsement.authority.empty()) {
    facts.manufacturer = identity.status.endorsement.manufacturer;
  } else if (identity.decision == Decision::kApproved) {
    facts.manufacturer = identity.status.endorsement.manufacturer.empty()
                             ? identity.status.tpm.manufacturer
                             : identity.status.endorsement.manufacturer;
  }
  return facts;
}

}  // namespace plimsoll::api
