#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "base/result.h"
#include "node-agent/tpm/device.h"
#include "swtpm/machine.h"

namespace plimsoll::testing {

#define ASSERT_OK(expression)                                   \
  if (const auto& ok_result = (expression); !ok_result) {       \
    FAIL() << #expression << ": " << ok_result.error().message; \
  }

// A test with a swtpm of its own.
class WithMachine : public ::testing::Test {
 protected:
  void SetUp() override {
    tpm::SilenceLibrary();
    auto machine = SwtpmMachine::Start();
    ASSERT_TRUE(machine) << machine.error().message;
    machine_ = *std::move(machine);
  }

  // Counts failures by class.
  Result<std::unique_ptr<tpm::Device>> Open() { return Open(machine_->tcti()); }
  Result<std::unique_ptr<tpm::Device>> Open(const std::string& tcti) {
    tpm::Device::Options options;
    options.command_timeout = std::chrono::seconds(20);
    options.on_error = [this](tpm::ErrorClass error_class) { ++errors_[error_class]; };
    return tpm::Device::Open(tcti, options);
  }

  // Transient objects and sessions in the TPM, as a new client sees them.
  void ExpectNothingLeftBehind() {
    auto device = Open();
    ASSERT_TRUE(device) << device.error().message;
    for (const auto kind : {tpm::HandleKind::kTransient, tpm::HandleKind::kLoadedSession,
                            tpm::HandleKind::kSavedSession}) {
      const auto handles = (*device)->Handles(kind);
      ASSERT_TRUE(handles) << handles.error().message;
      EXPECT_TRUE(handles->empty()) << handles->size() << " of kind " << static_cast<int>(kind);
    }
  }

  std::unique_ptr<SwtpmMachine> machine_;
  std::map<tpm::ErrorClass, int> errors_;
};

}  // namespace plimsoll::testing
