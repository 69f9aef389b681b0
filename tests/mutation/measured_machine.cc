#include "mutation/measured_machine.h"

#include <cstdlib>
#include <iostream>
#include <sstream>

#include "crypto/digest.h"
#include "crypto/names.h"
#include "eventlog/event_log.h"
#include "eventlog/replay.h"
#include "evidence/statement.h"
#include "kubectl-plugin/commands.h"
#include "kubectl-plugin/offline_appraisal.h"
#include "unit/ima/list_builder.h"

namespace plimsoll::fakes {
namespace {

using tcg::AlgorithmId;

// The files that allow-list.txt beside this source names, with these contents.
constexpr std::pair<std::string_view, std::string_view> kFiles[] = {
    {"/usr/lib/systemd/systemd", "systemd"},
    {"/usr/bin/kubelet", "kubelet"},
    {"/etc/a file", "a name with a space"},
    {"/usr/bin/runc", "runc"}};

// PCR 0-9 of the sha256 bank, as the kernel makes it for its first entry.
Bytes BootAggregate(const SoftwareTpm& tpm) {
  Bytes values;
  for (uint32_t pcr = 0; pcr < 10; ++pcr) {
    Append(values, tpm.Pcr(AlgorithmId::kSha256, pcr));
  }
  return crypto::Digest(AlgorithmId::kSha256, {values});
}

std::vector<ima::Made> Measured(const SoftwareTpm& tpm, const std::string& unlisted) {
  std::vector<ima::Made> entries = {ima::MakeEntry(
      "ima-ng",
      {ima::DigestField("sha256", BootAggregate(tpm)), ima::NameField("boot_aggregate")})};
  for (const auto& [path, contents] : kFiles) {
    std::string listed(path);
    std::replace(listed.begin(), listed.end(), ' ', '_');
    entries.push_back(ima::File(listed, contents));
    if (!unlisted.empty() && entries.size() == 3) {
      entries.push_back(ima::File(unlisted, "whatever"));
    }
  }
  return entries;
}

std::string Indented(const std::string& text, const std::string& indent) {
  std::string result;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    result.append(indent).append(line).append("\n");
  }
  return result;
}

}  // namespace

MeasuredMachine::MeasuredMachine(Bytes boot_log, KeyTemplate ak, const std::string& unlisted)
    : node_(std::move(ak)),
      ek_(KeyTemplate::EkP256()),
      ca_(CertificateFields::Ca("Mutations")),
      certificate_(ca_.Issue(CertificateFields::Endorsement(AlgorithmId::kEcc), ek_)),
      boot_log_(std::move(boot_log)) {
  const auto log = eventlog::EventLog::Parse(boot_log_);
  if (!log || !log->HasReplay(AlgorithmId::kSha256)) {
    std::abort();
  }
  const eventlog::Replay replay = eventlog::ReplayBank(*log, AlgorithmId::kSha256);
  for (uint32_t pcr = 0; pcr < eventlog::kPcrCount; ++pcr) {
    node_.tpm.SetPcr(AlgorithmId::kSha256, pcr, replay.pcrs[pcr].value_or(Bytes(32)));
  }
  const std::vector<ima::Made> entries = Measured(node_.tpm, unlisted);
  ima_ = ima::Listed(entries);
  node_.tpm.SetPcr(AlgorithmId::kSha256, ima::kDefaultPcr, ima::PcrAfter(entries));
  node_.selection = AttestedNode::Selection("sha256:0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15");
}

evidence::Evidence MeasuredMachine::Attest(const Bytes& boot_log, const Bytes& ima) const {
  AttestedNode node = node_;
  node.statement.boot_event_log = {crypto::Digest(AlgorithmId::kSha256, {boot_log}),
                                   boot_log.size()};
  const auto list = ima::List::FromBinary(ima);
  const uint64_t entries = list ? list->size() : 1;
  node.statement.ima = {.from = 0,
                        .entries = entries,
                        .total = entries,
                        .sha256 = crypto::Digest(AlgorithmId::kSha256, {ima})};
  evidence::Evidence evidence = node.Evidence();
  evidence.boot_event_log = boot_log;
  evidence.ima = ima;
  return evidence;
}

evidence::BundleFrame MeasuredMachine::Frame() const {
  return {.node_name = "worker-1",
          .node_uid = node_.node_uid,
          .attestation_key = node_.tpm.ak().MarshalPublic(),
          .endorsement =
              evidence::BundleEndorsement{
                  .public_area = ek_.MarshalPublic(), .certificate = certificate_, .chain = {}},
          .expected = node_.nonce,
          .selection = node_.selection};
}

std::string MeasuredMachine::Policies() const {
  std::istringstream in(evidence::EncodeBundle(Frame(), Attest()));
  std::ostringstream out;
  std::ostringstream err;
  const FixedClock clock;
  if (plugin::Baseline({.bundle = "-", .name = "learnt"}, {in, out, err, clock}) !=
      plugin::kExitTrusted) {
    return "";
  }
  const std::string kind = "apiVersion: plimsoll.dev/v1alpha1\nkind: ";
  return out.str() + "---\n" + kind +
         "ReferenceValues\nmetadata: {name: files}\n"
         "spec:\n  files: {fileName: allow-list.txt}\n---\n" +
         kind +
         "AttestationPolicy\nmetadata: {name: files}\n"
         "spec:\n  mode: Enforce\n  nodeSelector: {}\n"
         "  runtime: {ima: {mode: Required, allowListRefs: [files]}}\n---\n" +
         kind +
         "EndorsementAuthority\nmetadata: {name: vendor}\n"
         "spec:\n  bundles:\n  - inline: |\n" +
         Indented(ca_.Pem(), "      ") + "---\n" + kind +
         "AttestationPolicy\nmetadata: {name: identity}\n"
         "spec:\n  mode: Enforce\n  nodeSelector: {}\n"
         "  identity: {admission: EndorsementCertificate, endorsementAuthorityRefs: [vendor]}\n"
         "  pcrs: [{bank: sha256, index: 0, match: Reference, referenceValueRefs: [learnt]}]\n";
}

plugin::PolicySet ReadPolicies(const std::string& yaml) {
  std::istringstream in;
  std::ostringstream out;
  const FixedClock clock;
  auto policies = plugin::ReadPolicyText(yaml, PLIMSOLL_SOURCE_DIR "/tests/mutation/policies.yaml",
                                         {in, out, out, clock});
  if (!policies) {
    std::cerr << policies.error().message << "\n";
    std::abort();
  }
  return *std::move(policies);
}

std::optional<appraisal::Verdict> JudgeBundle(std::string_view text,
                                              const plugin::PolicySet& policies) {
  const auto bundle = evidence::BundleDocument::Parse(text);
  if (!bundle) {
    return std::nullopt;
  }
  const auto appraisal = plugin::AppraiseBundle(*bundle, policies, FixedClock());
  if (!appraisal) {
    return std::nullopt;
  }
  return appraisal->verdict;
}

}  // namespace plimsoll::fakes
