#include "node-agent/tpm/return_code.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace plimsoll::tpm {
namespace {

struct Case {
  uint32_t code;
  ErrorClass error_class;
  Retry retry;
};

TEST(ReturnCode, SaysWhatToDoNext) {
  // Bits 16-23 are the layer, and format-one codes carry the number of a parameter, handle or
  // session.
  constexpr Case kCases[] = {
      {0x00922, ErrorClass::kRetry, Retry::kNow},        // RETRY
      {0x00908, ErrorClass::kRetry, Retry::kNow},        // YIELDED
      {0x0090a, ErrorClass::kRetry, Retry::kNow},        // TESTING
      {0x00920, ErrorClass::kRetry, Retry::kNow},        // NV_RATE
      {0x00923, ErrorClass::kRetry, Retry::kBackoff},    // NV_UNAVAILABLE
      {0x00921, ErrorClass::kLockout, Retry::kBackoff},  // LOCKOUT
      {0x0098e, ErrorClass::kAuth, Retry::kNever},       // AUTH_FAIL of session 1
      {0x009a2, ErrorClass::kAuth, Retry::kNever},       // BAD_AUTH of session 1
      {0x0099d, ErrorClass::kAuth, Retry::kNever},       // POLICY_FAIL of session 1
      {0x00185, ErrorClass::kHierarchy, Retry::kNever},  // HIERARCHY of handle 1
      {0x0018b, ErrorClass::kOther, Retry::kReconnect},  // HANDLE of handle 1
      {0x00902, ErrorClass::kOther, Retry::kReconnect},  // OBJECT_MEMORY
      {0x00100, ErrorClass::kOther, Retry::kReconnect},  // INITIALIZE
      {0x00910, ErrorClass::kOther, Retry::kReconnect},  // REFERENCE_H0
      {0x00101, ErrorClass::kOther, Retry::kNever},      // FAILURE
      {0x002c4, ErrorClass::kOther, Retry::kNever},      // VALUE of parameter 2
      {0xb0143, ErrorClass::kOther, Retry::kNever},      // COMMAND_CODE by the kernel
      {0xb0922, ErrorClass::kRetry, Retry::kNow},        // RETRY by the kernel's resource manager
      {0xa000a, ErrorClass::kIo, Retry::kReconnect},     // IO_ERROR of the TCTI
      {0xa0008, ErrorClass::kIo, Retry::kReconnect},     // NO_CONNECTION
      {0x90006, ErrorClass::kIo, Retry::kReconnect},     // an answer that does not decode
      {0x7000b, ErrorClass::kOther, Retry::kReconnect},  // BAD_VALUE of ESAPI
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.code);
    EXPECT_EQ(ToString(MeaningOf(c.code).error_class), ToString(c.error_class));
    EXPECT_EQ(MeaningOf(c.code).retry, c.retry);
  }
}

TEST(ReturnCode, NamesCommandTextAndNumber) {
  const Error error = ToError("TPM2_Quote", 0x921);
  EXPECT_THAT(error.message, ::testing::StartsWith("TPM2_Quote: "));
  EXPECT_THAT(error.message, ::testing::HasSubstr("lockout"));
  EXPECT_THAT(error.message, ::testing::EndsWith("(0x921)"));
}

}  // namespace
}  // namespace plimsoll::tpm
