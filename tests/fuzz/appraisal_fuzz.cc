// The whole appraisal of a bundle: whatever the bytes, Trusted means that they are one of the good
// seeds, but for parts that nothing vouches for.
//
// Changed text alone would hardly get behind the JSON. The mutator therefore changes either the
// text or one field of what the bundle says, and writes the bundle again.

#include <array>
#include <cstdint>
#include <cstring>
#include <random>

#include "fuzz/expect.h"
#include "fuzz/files.h"
#include "kubectl-plugin/offline_appraisal.h"
#include "mutation/covered.h"
#include "mutation/measured_machine.h"

using plimsoll::Bytes;
using plimsoll::fuzz::Expect;
namespace evidence = plimsoll::evidence;
namespace fakes = plimsoll::fakes;
namespace plugin = plimsoll::plugin;

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace {

constexpr size_t kMaxField = 16 * 1024;

struct Seed {
  evidence::BundleDocument bundle;
  plugin::PolicySet policies;
};

// Good bundles, each with the policies that its machine passes.
const std::vector<Seed>& Seeds() {
  static const std::vector<Seed> seeds = [] {
    std::vector<Seed> read;
    for (const std::string name : {"systemd-boot", "grub"}) {
      const std::string path = "tests/fuzz/corpus/appraisal/" + name;
      const std::string text = plimsoll::fuzz::SourceFile(path + ".json");
      read.push_back({evidence::BundleDocument::Parse(text).value(),
                      fakes::ReadPolicies(
                          plimsoll::fuzz::SourceFile("tests/fuzz/policies/" + name + ".yaml"))});
      Expect(
          fakes::JudgeBundle(text, read.back().policies) == plimsoll::appraisal::Verdict::kTrusted,
          "the good seeds are Trusted");
    }
    return read;
  }();
  return seeds;
}

void MutateField(Bytes& field) {
  Bytes room(std::max(field.size(), kMaxField));
  std::copy(field.begin(), field.end(), room.begin());
  room.resize(LLVMFuzzerMutate(room.data(), field.size(), room.size()));
  field = std::move(room);
}

void MutateField(std::optional<Bytes>& field, std::minstd_rand& random) {
  if (!field || random() % 64 == 0) {
    field = field ? std::nullopt : std::optional<Bytes>(Bytes());
  } else {
    MutateField(*field);
  }
}

void MutateOneField(evidence::BundleFrame& frame, evidence::Evidence& evidence,
                    std::minstd_rand& random) {
  switch (random() % 10) {
    case 0:
    case 1:
      MutateField(evidence.boot_event_log, random);
      return;
    case 2:
    case 3:
      MutateField(evidence.ima, random);
      return;
    case 4:
      MutateField(evidence.attest);
      return;
    case 5:
      MutateField(evidence.signature);
      return;
    case 6:
      MutateField(evidence.statement, random);
      return;
    case 7:
      if (auto* area = std::get_if<Bytes>(&frame.attestation_key)) {
        MutateField(*area);
      }
      return;
    case 8:
      if (frame.endorsement) {
        MutateField(frame.endorsement->certificate, random);
      }
      return;
    default:
      if (!evidence.pcrs.empty()) {
        Bytes& digest = evidence.pcrs[random() % evidence.pcrs.size()].digest;
        digest[random() % digest.size()] ^= 1U;
      }
  }
}

}  // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned int seed) {
  std::minstd_rand random(seed);
  const auto bundle = evidence::BundleDocument::Parse(plimsoll::AsText({data, size}));
  const auto decoded = bundle ? bundle->DecodeEvidence()
                              : plimsoll::Fail(plimsoll::ErrorCode::kMalformed, "no bundle");
  if (!decoded || random() % 4 == 0) {
    return LLVMFuzzerMutate(data, size, max_size);
  }
  evidence::BundleFrame frame = bundle->frame();
  evidence::Evidence evidence = *decoded;
  MutateOneField(frame, evidence, random);
  const std::string text = evidence::EncodeBundle(frame, evidence);
  if (text.size() > max_size) {
    return LLVMFuzzerMutate(data, size, max_size);
  }
  std::memcpy(data, text.data(), text.size());
  return text.size();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::vector<Seed>& seeds = Seeds();
  const auto bundle = evidence::BundleDocument::Parse(plimsoll::AsText({data, size}));
  if (!bundle) {
    return 0;
  }
  for (const Seed& seed : seeds) {
    const auto appraisal = plugin::AppraiseBundle(*bundle, seed.policies, fakes::FixedClock());
    if (!appraisal) {
      return 0;
    }
    Expect(appraisal->verdict != plimsoll::appraisal::Verdict::kTrusted ||
               fakes::SameCoveredParts(*bundle, seed.bundle),
           "only the good bundle is Trusted");
  }
  return 0;
}
