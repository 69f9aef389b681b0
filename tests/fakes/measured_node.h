#pragma once

#include <chrono>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "crypto/digest.h"
#include "eventlog/replay.h"
#include "fakes/attested_node.h"
#include "fakes/event_log_builder.h"
#include "unit/ima/list_builder.h"

namespace plimsoll::fakes {

// A log in the banks that the tests quote.
inline EventLogBuilder TwoBankLog() {
  return SecureBootLog({tcg::AlgorithmId::kSha1, tcg::AlgorithmId::kSha256});
}

// A machine whose firmware starts a unified kernel image: PCR 11 and 12 instead of 8 and 9.
inline EventLogBuilder UkiLog() {
  EventLogBuilder log = TwoBankLog();
  std::erase_if(log.events, [](const EventLogBuilder::Event& event) {
    return event.pcr == 8 || event.pcr == 9;
  });
  log.AddUkiSection(".linux", "kernel").AddUkiSection(".initrd", "initrd");
  Bytes line = Utf16("root=/dev/sda1 ro quiet");
  Append(line, Bytes{0, 0});
  return log.Add(12, EventType::kIpl, line);
}

// A machine that measured its boot and its files: an AttestedNode whose PCRs are what a boot event
// log and an IMA list lead to. `log` and `files` are what it sends; a test of a lying agent changes
// them after Measure(), a test of another machine before it.
class MeasuredNode {
 public:
  using Json = nlohmann::json;

  explicit MeasuredNode(EventLogBuilder boot = TwoBankLog())
      : node(SharedKey()), log(std::move(boot)) {
    node.selection = AttestedNode::Selection(
        "sha1:0,1,2,3,4,5,6,7+sha256:0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15");
    inputs.now = std::chrono::sys_seconds(std::chrono::seconds(1'795'507'200));
    for (int i = 0; i < 20; ++i) {
      files.push_back(ima::File("/usr/bin/tool" + std::to_string(i), "tool" + std::to_string(i)));
    }
    Measure();
    Learn();
  }

  // The TPM ends as after a boot with this log and these files; a boot aggregate is put before
  // them.
  void Measure() {
    for (const tcg::AlgorithmId bank : {tcg::AlgorithmId::kSha1, tcg::AlgorithmId::kSha256}) {
      for (uint32_t pcr = 0; pcr < 16; ++pcr) {
        node.tpm.SetPcr(bank, pcr, Bytes(tcg::DigestSize(bank)));
      }
      for (const EventLogBuilder::Event& event : log.events) {
        const auto digest = event.digests.find(static_cast<uint16_t>(bank));
        if (event.type != EventType::kNoAction && digest != event.digests.end()) {
          node.tpm.Extend(bank, event.pcr, digest->second);
        }
      }
    }
    list = {BootAggregate()};
    list.insert(list.end(), files.begin(), files.end());
    for (const tcg::AlgorithmId bank : {tcg::AlgorithmId::kSha1, tcg::AlgorithmId::kSha256}) {
      node.tpm.SetPcr(bank, 10, ima::PcrAfter(list, bank));
    }
  }

  // Someone extends a PCR beside the log, in both banks.
  void Extend(uint32_t pcr, std::string_view what) {
    for (const tcg::AlgorithmId bank : {tcg::AlgorithmId::kSha1, tcg::AlgorithmId::kSha256}) {
      node.tpm.Extend(bank, pcr, crypto::Digest(bank, {AsBytes(what)}));
    }
  }

  // systemd-pcrphase: extends PCR 11 by the words, and writes no event.
  void EnterPhases(const std::vector<std::string>& words) {
    for (const std::string& word : words) {
      Extend(11, word);
    }
  }

  // H(PCR 0 || ... || PCR 9), as newer kernels make it.
  ima::Made BootAggregate() const {
    Bytes pcrs;
    for (uint32_t pcr = 0; pcr < 10; ++pcr) {
      Append(pcrs, node.tpm.Pcr(tcg::AlgorithmId::kSha256, pcr));
    }
    return ima::MakeEntry(
        "ima-ng", {ima::DigestField("sha256", crypto::Digest(tcg::AlgorithmId::kSha256, {pcrs})),
                   ima::NameField("boot_aggregate")});
  }

  // The set "machine": all that this machine measured, and its files in an allow-list.
  void Learn() {
    values = {{"metadata", {{"name", "machine"}}}, {"spec", Json::object()}};
    Json& spec = values["spec"];
    for (uint32_t pcr = 0; pcr < 10; ++pcr) {
      spec["pcrs"].push_back({{"bank", "sha256"}, {"index", pcr}, {"digests", {Pcr(pcr)}}});
    }
    for (const EventLogBuilder::Event& event : log.events) {
      if (const char* role = RoleOf(event)) {
        spec["components"].push_back(
            {{"role", role},
             {"name", std::string("event of PCR ") + std::to_string(event.pcr)},
             {"digests", {{{"algorithm", "sha256"}, {"value", Sha256Of(event)}}}}});
      }
    }
    spec["commandLines"] = {"/vmlinuz root=/dev/sda1 ro quiet", "root=/dev/sda1 ro quiet"};
    spec["secureBootDatabases"] = {
        {"PK", {{"entries", {CertificateDigest(1)}}}},
        {"KEK", {{"entries", {CertificateDigest(2)}}}},
        {"db", {{"match", "Exact"}, {"entries", {CertificateDigest(3)}}}},
        {"dbx", {{"match", "Superset"}, {"entries", {ToHex(Bytes(32, 0xA1))}}}}};
    spec["files"] = {{"fileName", "files.sha256"}};
    ima::AllowList allowed = *ima::AllowList::Parse(AllowList());
    inputs.allow_lists["machine"] = std::make_shared<const ima::AllowList>(std::move(allowed));
    Publish(values);
  }

  // What sha256sum says of the files.
  std::string AllowList() const {
    std::string text;
    for (int i = 0; i < 20; ++i) {
      const std::string name = "tool" + std::to_string(i);
      text += ToHex(ima::Sha256(name)) + "  /usr/bin/" + name + "\n";
    }
    return text;
  }

  static std::string CertificateDigest(uint8_t fill) {
    return ToHex(crypto::Digest(tcg::AlgorithmId::kSha256, {FakeCertificate(fill)}));
  }

  // A ReferenceValues object that policies may name.
  void Publish(const Json& object) {
    auto set = policy::ReferenceValues::Parse(object.dump());
    EXPECT_TRUE(set.has_value()) << set.error().message;
    EXPECT_EQ(set->problem, "");
    std::string name = set->meta.name;
    inputs.references[std::move(name)] =
        std::make_shared<const policy::ReferenceValues>(*std::move(set));
  }

  // One more set, of that state, and what else its spec says.
  static Json Set(const std::string& name, Json spec) {
    return {{"metadata", {{"name", name}}}, {"spec", std::move(spec)}};
  }

  // Demands of everything that is what it is on this machine.
  static Json FullPolicy() {
    Json policy = {{"metadata", {{"name", "full"}}}};
    Json& spec = policy["spec"] = {{"mode", "Enforce"}, {"nodeSelector", Json::object()}};
    for (const uint32_t pcr : {0U, 2U, 7U}) {
      spec["pcrs"].push_back(
          {{"bank", "sha256"}, {"index", pcr}, {"referenceValueRefs", {"machine"}}});
    }
    for (const uint32_t pcr : {1U, 4U, 5U}) {
      spec["pcrs"].push_back({{"bank", "sha256"}, {"index", pcr}, {"match", "EventLogOnly"}});
    }
    spec["boot"] = {{"databaseRefs", {"machine"}},
                    {"componentRefs", {"machine"}},
                    {"kernelCommandLine",
                     {{"mustContain", {"ro", "root=/dev/sda1"}},
                      {"mustNotContain", {"init", "rd.break", "systemd.debug-shell"}},
                      {"referenceValueRefs", {"machine"}}}}};
    spec["runtime"]["ima"] = {{"mode", "Required"}, {"allowListRefs", {"machine"}}};
    return policy;
  }

  // A policy of this spec.boot alone; Secure Boot is required unless it says otherwise.
  static Json BootPolicy(Json boot) {
    return {{"metadata", {{"name", "boot"}}},
            {"spec",
             {{"mode", "Enforce"}, {"nodeSelector", Json::object()}, {"boot", std::move(boot)}}}};
  }

  // A policy of these rules about PCRs alone.
  static Json PcrPolicy(Json pcrs) {
    return {{"metadata", {{"name", "pcrs"}}},
            {"spec",
             {{"mode", "Enforce"}, {"nodeSelector", Json::object()}, {"pcrs", std::move(pcrs)}}}};
  }

  // The statement about what is sent.
  void NameWhatIsSent() {
    node.statement.boot_event_log.reset();
    node.statement.ima.reset();
    if (send_log) {
      const Bytes bytes = log_bytes ? *log_bytes : log.Build();
      node.statement.boot_event_log = evidence::LogName{
          .sha256 = crypto::Digest(tcg::AlgorithmId::kSha256, {bytes}), .size = bytes.size()};
    }
    if (send_list) {
      const Bytes bytes = ima::Listed(list);
      node.statement.ima =
          evidence::ImaRange{.from = 0,
                             .entries = list.size(),
                             .total = list.size(),
                             .sha256 = crypto::Digest(tcg::AlgorithmId::kSha256, {bytes})};
    }
  }

  // Quotes the statement as it is, and sends log and list.
  evidence::Evidence EvidenceAsStated() const {
    evidence::Evidence evidence = node.Evidence();
    if (send_log) {
      evidence.boot_event_log = log_bytes ? *log_bytes : log.Build();
    }
    if (send_list) {
      evidence.ima = ima::Listed(list);
    }
    return evidence;
  }

  evidence::Evidence Evidence() {
    NameWhatIsSent();
    return EvidenceAsStated();
  }

  std::shared_ptr<const policy::CompiledPolicy> Compile(const Json& object) const {
    auto policy = policy::AttestationPolicy::Parse(object.dump());
    EXPECT_TRUE(policy.has_value()) << policy.error().message;
    return std::make_shared<const policy::CompiledPolicy>(
        policy::CompiledPolicy::Compile(*std::move(policy), inputs));
  }

  appraisal::Appraisal Judge(const evidence::Evidence& evidence,
                             const std::vector<Json>& policies) const {
    std::vector<appraisal::AppliedPolicy> applied;
    for (const Json& object : policies) {
      applied.push_back({.policy = Compile(object), .last = std::nullopt});
    }
    auto appraisal = appraisal::Appraise(evidence, node.Expectation(), applied, node.now);
    EXPECT_TRUE(appraisal.has_value()) << appraisal.error().message;
    return appraisal ? *std::move(appraisal) : appraisal::Appraisal{};
  }
  appraisal::Appraisal Judge(const Json& policy) { return Judge(Evidence(), {policy}); }
  appraisal::Appraisal Judge() { return Judge(FullPolicy()); }

  std::string Pcr(uint32_t pcr, tcg::AlgorithmId bank = tcg::AlgorithmId::kSha256) const {
    return ToHex(node.tpm.Pcr(bank, pcr));
  }

  // The event with this number in the log, which counts the header as 0.
  EventLogBuilder::Event& EventAt(uint32_t index) { return log.events.at(index - 1); }

  AttestedNode node;
  EventLogBuilder log;
  std::optional<Bytes> log_bytes;  // sent instead of `log`
  std::vector<ima::Made> files;
  std::vector<ima::Made> list;  // what is sent: the boot aggregate and the files
  bool send_log = true;
  bool send_list = true;
  Json values;  // the set "machine"
  policy::PolicyInputs inputs;

 private:
  // Keys take time; what is judged here does not depend on which it is.
  static SoftwareKey SharedKey() {
    static const SoftwareKey key(KeyTemplate::AkP256());
    return key;
  }

  static std::string Sha256Of(const EventLogBuilder::Event& event) {
    return ToHex(event.digests.at(static_cast<uint16_t>(tcg::AlgorithmId::kSha256)));
  }

  // By the PCR alone; separators and actions are no components.
  static const char* RoleOf(const EventLogBuilder::Event& event) {
    if (event.type == EventType::kSeparator || event.type == EventType::kEfiAction) {
      return nullptr;
    }
    switch (event.pcr) {
      case 2:
        return "OptionROM";
      case 4:
        return "BootLoader";
      case 9:
        return "Kernel";
      case 11:
        return "UKI";
      default:
        return nullptr;
    }
  }
};

}  // namespace plimsoll::fakes
