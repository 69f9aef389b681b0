#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"

namespace plimsoll::testing {

// One swtpm of its own for a test: machine.sh in a temporary folder. Switched off and deleted by
// the destructor.
//
// Not thread-safe. Failures of the machine itself are errors with the script's own words.
class SwtpmMachine {
 public:
  // Manufactures a TPM and switches it on. `ca_dir`: the folder of the CA that issues the EK
  // certificates, made when it is missing and left behind; empty for a CA of the machine's own.
  static Result<std::unique_ptr<SwtpmMachine>> Start(const std::string& ca_dir = "");

  // A clone: another TPM that begins with the state that `original` has on its disk now, as when a
  // virtual machine is copied. Both run.
  static Result<std::unique_ptr<SwtpmMachine>> CloneOf(const SwtpmMachine& original);

  SwtpmMachine(const SwtpmMachine&) = delete;
  SwtpmMachine& operator=(const SwtpmMachine&) = delete;
  ~SwtpmMachine();

  const std::string& tcti() const {
    return tcti_;
  }  // swtpm:host=127.0.0.1,port=N; the same for the machine's life
  const std::string& ca_pem() const {
    return ca_pem_;
  }  // root and issuing CA of the EK certificates
  const std::string& directory() const { return directory_; }

  // TPM2_PCR_Extend. Each of `digests` is BANK:HEX, for example sha256:00…00.
  Status Extend(unsigned pcr, const std::vector<std::string>& digests);

  // Puts the dictionary attack protection into force for real: with one try allowed, somebody uses
  // a key with a wrong password. EndLockout has the owner of the lockout hierarchy lift it.
  Status Lockout();
  Status EndLockout();

  // A reboot: the PCRs start anew, resetCount grows. Clients lose their connection. After Kill this
  // is the power coming back.
  Status Reset();

  // Power off without a word to the TPM.
  Status Kill();

 private:
  explicit SwtpmMachine(std::string directory) : directory_(std::move(directory)) {}

  std::string directory_;
  std::string tcti_;
  std::string ca_pem_;
};

// The standard output of a program that must end with status 0, without the last newline; otherwise
// kInternal with its standard error.
Result<std::string> RunProgram(const std::vector<std::string>& arguments);

}  // namespace plimsoll::testing
