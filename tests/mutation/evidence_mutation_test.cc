#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "fakes/test_data.h"
#include "mutation/covered.h"
#include "mutation/measured_machine.h"
#include "mutation/mutator.h"

// Evidence, whole and field by field, changed on its way: Trusted only if nothing changed that the
// quote, the CA or the policies vouch for.
namespace plimsoll::fakes {
namespace {

using appraisal::Verdict;

constexpr std::string_view kGrubLog = "event-logs/tpm2-tools--event-arch-linux.bin";
constexpr std::string_view kSystemdBootLog = "event-logs/tpm2-tools--event-sd-boot-fedora37.bin";

// Machines with a key of each profile.
std::vector<MeasuredMachine> Machines() {
  std::vector<MeasuredMachine> machines;
  machines.emplace_back(ReadTestData(kSystemdBootLog), KeyTemplate::AkP256());
  machines.emplace_back(ReadTestData(kGrubLog), KeyTemplate::AkP384());
  machines.emplace_back(ReadTestData(kSystemdBootLog), KeyTemplate::AkRsa());
  return machines;
}

struct Target {
  explicit Target(const MeasuredMachine& machine)
      : frame(machine.Frame()),
        evidence(machine.Attest()),
        text(evidence::EncodeBundle(frame, evidence)),
        bundle(evidence::BundleDocument::Parse(text).value()),
        policies(ReadPolicies(machine.Policies())) {
    EXPECT_EQ(JudgeBundle(text, policies), Verdict::kTrusted);
  }

  void ExpectTrustedOnlyIfSame(std::string_view mutant, const char* what) const {
    if (JudgeBundle(mutant, policies) == Verdict::kTrusted) {
      EXPECT_TRUE(SameCoveredParts(evidence::BundleDocument::Parse(mutant).value(), bundle))
          << what << ":\n"
          << mutant;
    }
  }

  evidence::BundleFrame frame;
  evidence::Evidence evidence;
  std::string text;
  evidence::BundleDocument bundle;
  plugin::PolicySet policies;
};

TEST(Mutations, E60_NoChangedTextOfABundleIsTrusted) {
  Mutator mutator(1);
  for (const MeasuredMachine& machine : Machines()) {
    const Target target(machine);
    const Bytes donor = mutator.Mutate(AsBytes(target.text));
    for (size_t i = 0; i < Mutants(0.04); ++i) {
      const Bytes mutant = mutator.Mutate(AsBytes(target.text), donor);
      target.ExpectTrustedOnlyIfSame(AsText(mutant), "text");
      ASSERT_FALSE(HasFailure());
    }
  }
}

// Each of them as the bytes that stand in base64 in the document.
TEST(Mutations, E60_NoChangedFieldOfABundleIsTrusted) {
  using Change = std::function<void(evidence::BundleFrame&, evidence::Evidence&, Mutator&)>;
  const std::vector<std::pair<const char*, Change>> fields = {
      {"attest", [](auto&, auto& e, auto& m) { e.attest = m.Mutate(e.attest, e.signature); }},
      {"signature", [](auto&, auto& e, auto& m) { e.signature = m.Mutate(e.signature); }},
      {"statement",
       [](auto&, auto& e, auto& m) { e.statement = m.Mutate(*e.statement, *e.statement); }},
      {"boot event log",
       [](auto&, auto& e, auto& m) { e.boot_event_log = m.Mutate(*e.boot_event_log); }},
      {"IMA list", [](auto&, auto& e, auto& m) { e.ima = m.Mutate(*e.ima, *e.boot_event_log); }},
      {"a PCR",
       [](auto&, auto& e, auto& m) {
         evidence::PcrValue& value = e.pcrs[m.Below(e.pcrs.size())];
         value.digest = m.Mutate(value.digest, e.attest);
         value.digest.resize(tcg::DigestSize(value.bank));
       }},
      {"the list of PCRs",
       [](auto&, auto& e, auto& m) {
         const size_t at = m.Below(e.pcrs.size());
         const evidence::PcrValue value = e.pcrs[at];
         switch (m.Below(4)) {
           case 0:
             e.pcrs.erase(e.pcrs.begin() + static_cast<std::ptrdiff_t>(at));
             break;
           case 1:
             e.pcrs.push_back(value);
             break;
           case 2:
             std::swap(e.pcrs[at], e.pcrs[m.Below(e.pcrs.size())]);
             break;
           default:
             e.pcrs[at].index = static_cast<uint32_t>(m.Below(24));
         }
       }},
      {"AK", [](auto& f, auto&,
                auto& m) { f.attestation_key = m.Mutate(std::get<Bytes>(f.attestation_key)); }},
      {"EK", [](auto& f, auto&,
                auto& m) { f.endorsement->public_area = m.Mutate(f.endorsement->public_area); }},
      {"EK certificate",
       [](auto& f, auto&, auto& m) {
         f.endorsement->certificate = m.Mutate(*f.endorsement->certificate);
       }},
      {"nonce",
       [](auto& f, auto&, auto& m) {
         evidence::Nonce& nonce = std::get<evidence::Nonce>(f.expected);
         nonce[m.Below(nonce.size())] ^= static_cast<uint8_t>(1U << m.Below(8));
       }},
      {"two fields swapped", [](auto&, auto& e, auto&) { std::swap(e.boot_event_log, e.ima); }},
  };
  Mutator mutator(2);
  for (const MeasuredMachine& machine : Machines()) {
    const Target target(machine);
    for (size_t i = 0; i < Mutants(0.06); ++i) {
      const auto& [what, change] = fields[i % fields.size()];
      evidence::BundleFrame frame = target.frame;
      evidence::Evidence evidence = target.evidence;
      change(frame, evidence, mutator);
      target.ExpectTrustedOnlyIfSame(evidence::EncodeBundle(frame, evidence), what);
      ASSERT_FALSE(HasFailure());
    }
  }
}

// Found by the test above: the certificate says nothing about the attributes of the key.
TEST(Mutations, C12_RefusesAnEndorsementKeyOfAnotherTemplateThanTheCertificateIsMeantFor) {
  const Target target{MeasuredMachine(ReadTestData(kSystemdBootLog))};
  evidence::BundleFrame frame = target.frame;
  constexpr size_t kAuthPolicy = 10;  // behind type, nameAlg, attributes and its own size
  frame.endorsement->public_area[kAuthPolicy] ^= 1U;
  EXPECT_EQ(JudgeBundle(evidence::EncodeBundle(frame, target.evidence), target.policies),
            Verdict::kUnknown);
}

// Parts of another good machine in a bundle. The key stays, since it is what the verifier knows.
TEST(Mutations, E60_NoMixtureOfTwoMachinesIsTrusted) {
  const MeasuredMachine machine(ReadTestData(kSystemdBootLog));
  const MeasuredMachine other(ReadTestData(kSystemdBootLog));
  const Target target(machine);
  const Target donor(other);
  constexpr unsigned kParts = 8;
  for (unsigned chosen = 1; chosen < (1U << kParts); ++chosen) {
    evidence::BundleFrame frame = target.frame;
    evidence::Evidence evidence = target.evidence;
    const auto take = [chosen](unsigned part, auto& to, const auto& from) {
      if ((chosen >> part & 1U) != 0) {
        to = from;
      }
    };
    take(0, evidence.attest, donor.evidence.attest);
    take(1, evidence.signature, donor.evidence.signature);
    take(2, evidence.statement, donor.evidence.statement);
    take(3, evidence.ima, donor.evidence.ima);
    take(4, frame.endorsement->public_area, donor.frame.endorsement->public_area);
    take(5, frame.endorsement->certificate, donor.frame.endorsement->certificate);
    take(6, frame.expected, donor.frame.expected);
    take(7, evidence.pcrs, donor.evidence.pcrs);
    const std::string text = evidence::EncodeBundle(frame, evidence);
    const auto bundle = evidence::BundleDocument::Parse(text);
    ASSERT_TRUE(bundle.has_value());
    if (JudgeBundle(text, target.policies) == Verdict::kTrusted) {
      EXPECT_TRUE(SameCoveredParts(*bundle, target.bundle)) << chosen;
    }
  }
}

}  // namespace
}  // namespace plimsoll::fakes
