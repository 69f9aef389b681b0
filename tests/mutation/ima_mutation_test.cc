#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "fakes/test_data.h"
#include "ima/replay.h"
#include "mutation/measured_machine.h"
#include "mutation/mutator.h"
#include "unit/ima/list_builder.h"

// IMA lists, changed: what leads to the same PCR 10 says the same, and no list hides a file.
namespace plimsoll::fakes {
namespace {

using appraisal::Verdict;

constexpr tcg::AlgorithmId kBank = tcg::AlgorithmId::kSha256;
constexpr std::string_view kSystemdBootLog = "event-logs/tpm2-tools--event-sd-boot-fedora37.bin";

struct Measured {
  uint32_t pcr;
  bool violation;
  Bytes hashed;  // of no meaning in a violation

  friend bool operator==(const Measured&, const Measured&) = default;
};

std::vector<Measured> MeasuredBy(const ima::List& list) {
  std::vector<Measured> measured;
  for (size_t i = 0; i < list.size(); ++i) {
    const ima::Entry entry = list[i];
    measured.push_back(
        {entry.pcr, entry.violation, entry.violation ? Bytes() : ima::HashedBytes(entry)});
  }
  return measured;
}

void ExpectSameMeasurements(const Bytes& good, uint64_t seed, double share) {
  const auto list = ima::List::FromFile(good);
  ASSERT_TRUE(list.has_value()) << list.error().message;
  const auto recorded = ima::ReplayAll(*list, kBank);
  ASSERT_TRUE(recorded.has_value()) << recorded.error().message;
  const std::vector<Measured> measured = MeasuredBy(*list);
  Mutator mutator(seed);
  for (size_t i = 0; i < Mutants(share); ++i) {
    const Bytes bytes = mutator.Mutate(good);
    const auto mutant = ima::List::FromFile(bytes);
    if (!mutant) {
      continue;
    }
    const auto replay = ima::ReplayAll(*mutant, kBank);
    if (replay && *replay == *recorded) {
      ASSERT_EQ(MeasuredBy(*mutant), measured) << i;
    }
  }
}

TEST(Mutations, E60_NoChangedImaListReplaysToTheSamePcr) {
  uint64_t seed = 40;
  for (const char* name : {"ima-ng-one-entry.bin", "keyring-ima-buf.ascii",
                           "openpower-ima-sig.ascii", "signed-sha1.ascii"}) {
    SCOPED_TRACE(name);
    ExpectSameMeasurements(ReadTestData(std::string("ima/") + name), seed++, 0.01);
  }
  // A long list costs a thousand times as much: its start is enough.
  const std::string long_list = ReadTestText("ima/ima-ng-826.ascii");
  size_t end = 0;
  for (int lines = 0; lines < 40; ++lines) {
    end = long_list.find('\n', end) + 1;
  }
  ExpectSameMeasurements(ToBytes(AsBytes(long_list.substr(0, end))), seed, 0.02);
}

// The list cut into entries and put together again by someone who knows its form.
class ListMutator {
 public:
  explicit ListMutator(uint64_t seed) : mutator_(seed) {}

  Bytes Mutate(const Bytes& bytes) {
    if (mutator_.Below(2) == 0) {
      return mutator_.Mutate(bytes);
    }
    std::vector<ima::Made> entries = Entries(bytes);
    for (size_t changes = 1 + mutator_.Below(2); changes > 0 && !entries.empty(); --changes) {
      Change(entries);
    }
    return ima::Listed(entries);
  }

 private:
  static std::vector<ima::Made> Entries(const Bytes& bytes) {
    const auto list = ima::List::FromBinary(bytes).value();
    std::vector<ima::Made> entries;
    for (size_t i = 0; i < list.size(); ++i) {
      const ima::Entry entry = list[i];
      entries.push_back(Encode(entry.pcr, ToBytes(entry.template_hash), ima::ToString(entry.form),
                               ToBytes(entry.template_data)));
    }
    return entries;
  }

  static ima::Made Encode(uint32_t pcr, const Bytes& hash, std::string_view form,
                          const Bytes& data) {
    ima::Made made{.pcr = pcr, .hashed = data, .listed = {}};
    made.listed = ima::Join({ima::Header(pcr, hash, form), ima::Sized(data)});
    return made;
  }

  void Change(std::vector<ima::Made>& entries) {
    const size_t at = mutator_.Below(entries.size());
    const auto here = entries.begin() + static_cast<std::ptrdiff_t>(at);
    const ima::Made copy = *here;
    const Bytes hash = crypto::Digest(tcg::AlgorithmId::kSha1, {copy.hashed});
    switch (mutator_.Below(7)) {
      case 0:
        entries.erase(here);
        break;
      case 1:
        entries.insert(here, copy);
        break;
      case 2:
        std::swap(*here, entries[mutator_.Below(entries.size())]);
        break;
      case 3:  // a violation, whose data nothing covers
        *here = Encode(10, Bytes(20), "ima-ng", copy.hashed);
        break;
      case 4:  // of a PCR that nobody looks at
        *here = Encode(static_cast<uint32_t>(mutator_.Below(24)), hash, "ima-ng", copy.hashed);
        break;
      case 5:  // a template that reads the fields as something else
        *here = Encode(10, hash, mutator_.Below(2) == 0 ? "ima-ngv2" : "ima", copy.hashed);
        break;
      default: {  // other data, with the hash to match
        const Bytes data = mutator_.Mutate(copy.hashed);
        *here = Encode(10, crypto::Digest(tcg::AlgorithmId::kSha1, {data}), "ima-ng", data);
      }
    }
  }

  Mutator mutator_;
};

bool IsTrusted(const MeasuredMachine& machine, const Bytes& list,
               const plugin::PolicySet& policies) {
  const std::string text =
      evidence::EncodeBundle(machine.Frame(), machine.Attest(machine.boot_log(), list));
  return JudgeBundle(text, policies) == Verdict::kTrusted;
}

TEST(Mutations, E60_NoRulerOfAMachineCanHideAFile) {
  const MeasuredMachine good(ReadTestData(kSystemdBootLog));
  const MeasuredMachine bad(ReadTestData(kSystemdBootLog), KeyTemplate::AkP256(), "/usr/bin/other");
  const plugin::PolicySet good_policies = ReadPolicies(good.Policies());
  const plugin::PolicySet bad_policies = ReadPolicies(bad.Policies());
  ASSERT_TRUE(IsTrusted(good, good.ima(), good_policies));
  ASSERT_FALSE(IsTrusted(bad, bad.ima(), bad_policies));

  ListMutator mutator(50);
  const std::vector<Measured> measured = MeasuredBy(ima::List::FromBinary(good.ima()).value());
  for (size_t i = 0; i < Mutants(0.04); ++i) {
    const Bytes of_good = mutator.Mutate(good.ima());
    if (IsTrusted(good, of_good, good_policies)) {
      // Entries of other PCRs, and behind the quoted value, count for nothing.
      std::vector<Measured> counted = MeasuredBy(ima::List::FromBinary(of_good).value());
      std::erase_if(counted, [](const Measured& entry) { return entry.pcr != ima::kDefaultPcr; });
      counted.resize(std::min(counted.size(), measured.size()));
      ASSERT_EQ(counted, measured) << i;
    }
    ASSERT_FALSE(IsTrusted(bad, mutator.Mutate(bad.ima()), bad_policies)) << i;
  }
}

}  // namespace
}  // namespace plimsoll::fakes
