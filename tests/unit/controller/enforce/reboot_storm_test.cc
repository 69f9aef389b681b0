#include <gmock/gmock.h>

#include <map>
#include <random>

#include "appraisal/boot_epoch.h"
#include "unit/controller/enforce/fleet.h"

namespace plimsoll::controller::enforce {
namespace {

using appraisal::ClockOutcome;
using std::chrono::seconds;

// What one machine's TPM and kernel say about their boot.
struct Machine {
  tcg::ClockInfo clock{.clock = 1'000'000, .reset_count = 7, .restart_count = 0, .safe = true};
  int boots = 0;
  std::optional<appraisal::RecordedClock> recorded;

  std::string BootId(size_t i) const { return fmt::format("boot-{}-{}", i, boots); }
};

class RebootStorm : public Fleet {
 protected:
  // A round of a machine, judged as ingest does: by the clock, then by the policies.
  ClockOutcome Round(size_t i) {
    Machine& machine = machines_[i];
    const std::string boot_id = machine.BootId(i);
    const auto judged =
        appraisal::JudgeClock(machine.recorded, machine.clock, boot_id, clock_.Monotonic());
    machine.recorded =
        appraisal::NextRecord(machine.recorded, machine.clock, boot_id, clock_.Monotonic());
    Attest(i, fakes::kGoodDigest, [&](appraisal::Facts& facts) {
      facts.clock = machine.clock;
      facts.boot_id = boot_id;
      facts.unexplained_reset = judged.unexplained_reset;
    });
    return judged.outcome;
  }
  void Pass(seconds time) {
    clock_.Advance(time);
    for (auto& [i, machine] : machines_) {
      machine.clock.clock += static_cast<uint64_t>(time.count()) * 1'000;
    }
  }

  std::map<size_t, Machine> machines_;
};

// Power comes back for all at once: every TPM counts a reset, every kernel draws a boot ID; some
// machines boot twice, and some only load another kernel.
TEST_F(RebootStorm, OfAThousandNodesMakesNobodyUntrustedAndTaintsNobody) {
  constexpr size_t kNodes = 1'000;
  json policy = fakes::PolicyObjectJson();
  policy["spec"]["tpm"] = {{"unexplainedReset", "Reject"}};
  PutPolicy("pcr4", policy);
  for (size_t i = 0; i < kNodes; ++i) {
    AddNode(i);
    ASSERT_EQ(Round(i), ClockOutcome::kFirst);
  }
  Settle();
  ASSERT_EQ(CountLabels("true"), kNodes);

  size_t untrusted = 0;
  server_.Observe([&](const std::string&, const json& object) {
    if (object["kind"] == "NodeAttestation") {
      untrusted += object["status"].value("summary", "") == "Untrusted" ? 1 : 0;
    } else if (object["kind"] == "Node") {
      untrusted += object["metadata"]["labels"].value(MarkNames().label, "") == "false" ? 1 : 0;
    }
  });
  std::mt19937 random(17);
  Pass(seconds(200));
  for (size_t i = 0; i < kNodes; ++i) {
    Machine& machine = machines_[i];
    ++machine.boots;
    const auto kind = random() % 10;
    if (kind == 0) {  // kexec: another kernel, the same TPM session
      continue;
    }
    machine.clock.reset_count += kind == 1 ? 2 : 1;  // one boot was cut short
    machine.clock.clock -= random() % 100;           // the last moments were not saved
  }
  for (size_t i = 0; i < kNodes; ++i) {
    if (i % 100 == 0) {
      Pass(seconds(20));
    }
    EXPECT_EQ(Round(i), ClockOutcome::kNewEpoch) << i;
  }
  Settle();
  EXPECT_EQ(untrusted, 0U);
  EXPECT_EQ(CountLabels("true"), kNodes);
  EXPECT_TRUE(Tainted().empty());

  // And for comparison: a TPM that was reset behind the back of a running kernel.
  ++machines_[0].clock.reset_count;
  Round(0);
  Settle();
  EXPECT_EQ(Label(0), "false");
}

}  // namespace
}  // namespace plimsoll::controller::enforce
