// write_good_bundles ROOT: writes the good seeds of appraisal_fuzz into ROOT/tests/fuzz, with new
// keys. To be run when the form of bundles or policies changes; the files are committed.

#include <fstream>
#include <iostream>

#include "fuzz/files.h"
#include "mutation/measured_machine.h"

namespace {

using namespace plimsoll;  // NOLINT: a program of one file

bool Write(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  return file.good();
}

bool WriteMachine(const std::string& root, const std::string& name, const std::string& log) {
  const fakes::MeasuredMachine machine(ToBytes(AsBytes(fuzz::SourceFile(log))));
  const std::string policies = machine.Policies();
  const std::string bundle = evidence::EncodeBundle(machine.Frame(), machine.Attest());
  if (policies.empty() ||
      fakes::JudgeBundle(bundle, fakes::ReadPolicies(policies)) != appraisal::Verdict::kTrusted) {
    std::cerr << name << " is not Trusted under its own policies\n" << policies;
    return false;
  }
  return Write(root + "/tests/fuzz/corpus/appraisal/" + name + ".json", bundle) &&
         Write(root + "/tests/fuzz/policies/" + name + ".yaml", policies);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string root = argc > 1 ? argv[1] : PLIMSOLL_SOURCE_DIR;
  const std::string logs = "tests/data/event-logs/";
  return WriteMachine(root, "systemd-boot", logs + "tpm2-tools--event-sd-boot-fedora37.bin") &&
                 WriteMachine(root, "grub", logs + "tpm2-tools--event-arch-linux.bin")
             ? 0
             : 1;
}
