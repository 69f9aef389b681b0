#include "crypto/endorsement_denial.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace plimsoll::crypto {
namespace {

using testing::HasSubstr;
using Fields = EndorsementDenial::Fields;

EndorsementDenial Rule(Fields fields) {
  return EndorsementDenial::Create(std::move(fields)).value();
}

bool Denied(const EndorsementDenial& rule, const NamedTpm& tpm) {
  return rule.Denies(tpm).has_value();
}

std::string Why(const EndorsementDenial& rule, const NamedTpm& tpm) {
  return rule.Denies(tpm).value_or("not denied");
}

bool DeniedAsRoca(std::string_view version) {
  for (const EndorsementDenial& rule : RocaDenials()) {
    if (Denied(rule, {"IFX", "SLB 9665", version})) {
      return true;
    }
  }
  return false;
}

TEST(EndorsementDenials, C11_KnowTheFirmwareOfRoca) {
  for (const char* version : {"id:053D", "id:0728", "id:0421", "id:0428", "id:042A", "id:0400",
                              "id:0500", "id:062A", "id:073D", "id:8520", "id:0005003D", "5.61"}) {
    EXPECT_TRUE(DeniedAsRoca(version)) << version;
  }
  for (const char* version : {"id:053E", "id:0F17", "id:0422", "id:0427", "id:042B", "id:0324",
                              "id:062B", "id:073E", "id:8521", "id:0005003E", "5.62"}) {
    EXPECT_FALSE(DeniedAsRoca(version)) << version;
  }
}

TEST(EndorsementDenials, C11_DenyWhatCannotTellItsFirmware) {
  for (const char* version : {"", "id:13", "unknown"}) {
    EXPECT_TRUE(DeniedAsRoca(version)) << version;
  }
  EXPECT_THAT(Why(RocaDenials()[0], {"IFX", "SLB 9665", "id:13"}),
              HasSubstr("does not say in a form that can be read (\"id:13\") which firmware"));
  // Of other makers no rule here has to know anything.
  EXPECT_FALSE(Denied(RocaDenials()[0], {"STM", "ST33", ""}));
}

TEST(EndorsementDenials, C11_AreByManufacturer) {
  const auto rule = Rule({.manufacturer = "IFX"});
  EXPECT_TRUE(Denied(rule, {"IFX", "SLB 9665", "id:053E"}));
  EXPECT_TRUE(Denied(rule, {"IFX", "", ""}));
  EXPECT_FALSE(Denied(rule, {"STM", "ST33", "id:00490004"}));
  EXPECT_TRUE(Denied(Rule({.manufacturer = "id:49465800"}), {"IFX", "", ""}));
  EXPECT_TRUE(Denied(Rule({.manufacturer = "ifx"}), {"IFX", "", ""}));
  EXPECT_THAT(Why(rule, {"", "SLB 9665", "id:053E"}), HasSubstr("does not say who made the TPM"));
}

TEST(EndorsementDenials, C11_AreByTheBeginningOfTheModel) {
  const auto rule = Rule({.manufacturer = "IFX", .model = "SLB 9665"});
  EXPECT_TRUE(Denied(rule, {"IFX", "SLB 9665", ""}));
  EXPECT_TRUE(Denied(rule, {"IFX", "slb9665 TT 2.0", ""}));
  EXPECT_FALSE(Denied(rule, {"IFX", "SLB 9672", ""}));
  EXPECT_FALSE(Denied(rule, {"STM", "SLB 9665", ""}));
  EXPECT_THAT(Why(rule, {"IFX", "", "id:053E"}), HasSubstr("does not say which model the TPM is"));
  EXPECT_TRUE(Denied(Rule({.model = "SLB9665"}), {"STM", "SLB 9665", ""}));
}

TEST(EndorsementDenials, C11_RangesIncludeTheirEndsAndMayBeOpen) {
  const auto range = Rule({.manufacturer = "STM", .firmware_from = "73.4", .firmware_to = "73.8"});
  EXPECT_FALSE(Denied(range, {"STM", "", "id:00490003"}));
  EXPECT_TRUE(Denied(range, {"STM", "", "id:00490004"}));
  EXPECT_TRUE(Denied(range, {"STM", "", "id:00490008"}));
  EXPECT_FALSE(Denied(range, {"STM", "", "id:00490009"}));
  EXPECT_TRUE(
      Denied(Rule({.manufacturer = "STM", .firmware_from = "73.4"}), {"STM", "", "id:01000000"}));
  EXPECT_TRUE(
      Denied(Rule({.manufacturer = "STM", .firmware_to = "73.4"}), {"STM", "", "id:00010000"}));
  // A certificate that says less than the bound does may be on either side of it.
  EXPECT_TRUE(
      Denied(Rule({.manufacturer = "NTC", .firmware_to = "7.2.1.0"}), {"NTC", "", "id:00070002"}));
}

TEST(EndorsementDenials, C11_SayWhyForPeople) {
  const auto rule = Rule({.manufacturer = "IFX", .firmware_to = "5.61", .reason = "ROCA"});
  EXPECT_EQ(Why(rule, {"IFX", "SLB 9665", "id:053D"}),
            "TPMs of IFX, model SLB 9665, firmware 5.61 (id:053D) are denied: ROCA");
}

TEST(EndorsementDenials, ThatMakeNoSenseCannotExist) {
  const std::pair<Fields, const char*> wrong[] = {
      {{}, "neither a manufacturer nor a model"},
      {{.reason = "ROCA"}, "neither a manufacturer nor a model"},
      {{.model = "SLB", .firmware_to = "5.61"}, "a firmware range needs a manufacturer"},
      {{.firmware_from = "5.61"}, "a firmware range needs a manufacturer"},
      {{.manufacturer = "Infineon"}, "no TCG vendor id"},
      {{.manufacturer = "IFX", .model = " "}, "model is blank"},
      {{.manufacturer = "IFX", .firmware_from = "053D"}, "firmwareFrom: "},
      {{.manufacturer = "IFX", .firmware_to = "x"}, "firmwareTo: "},
      {{.manufacturer = "IFX", .firmware_from = "5.62", .firmware_to = "5.61"}, "is above"},
  };
  for (const auto& [fields, message] : wrong) {
    const auto rule = EndorsementDenial::Create(fields);
    ASSERT_FALSE(rule) << message;
    EXPECT_THAT(rule.error().message, HasSubstr(message));
  }
}

}  // namespace
}  // namespace plimsoll::crypto
