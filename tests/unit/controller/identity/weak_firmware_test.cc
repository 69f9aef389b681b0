#include "controller/identity/weak_firmware.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crypto/endorsement_version.h"
#include "crypto/tpm_vendor.h"

namespace plimsoll::controller::identity {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const WallTime kNow{std::chrono::seconds(1'795'507'200)};

std::vector<std::string> Ids(std::string_view manufacturer, const std::string& present,
                             std::string_view certificate = "") {
  std::optional<policy::FirmwareVersion> version;
  if (!present.empty()) {
    version = *policy::FirmwareVersion::Parse(present);
  }
  std::vector<std::string> ids;
  for (const FirmwareWeakness* weakness : WeaknessesOf(manufacturer, version, certificate)) {
    ids.emplace_back(weakness->id);
  }
  return ids;
}

TEST(WeakFirmware, EveryEntryNamesItsSourceAndRangesThatCanBeCompared) {
  ASSERT_FALSE(KnownFirmwareWeaknesses().empty());
  for (const FirmwareWeakness& weakness : KnownFirmwareWeaknesses()) {
    EXPECT_TRUE(weakness.id.starts_with("CVE-")) << weakness.id;
    EXPECT_TRUE(weakness.source.starts_with("https://")) << weakness.id;
    EXPECT_FALSE(weakness.title.empty());
    EXPECT_EQ(crypto::VendorIdOf(std::string(weakness.manufacturer)), weakness.manufacturer);
    ASSERT_FALSE(weakness.ranges.empty());
    for (const auto& range : weakness.ranges) {
      const auto from = crypto::ReadVersionBound(range.from);
      const auto to = crypto::ReadVersionBound(range.to);
      ASSERT_TRUE(from && to) << weakness.id << " " << range.from << " " << range.to;
      EXPECT_LE(from->lowest, to->highest);
    }
  }
}

TEST(WeakFirmware, K07_RocaOfInfineonByQuoteAndByCertificate) {
  EXPECT_THAT(Ids("IFX", "5.61.0.0"), ElementsAre("CVE-2017-15361"));
  EXPECT_THAT(Ids("IFX", "5.62.0.0"), IsEmpty());
  EXPECT_THAT(Ids("IFX", "4.33.7.1"), ElementsAre("CVE-2017-15361"));
  EXPECT_THAT(Ids("IFX", "4.34.0.0"), IsEmpty());
  EXPECT_THAT(Ids("IFX", "4.40.0.0"), ElementsAre("CVE-2017-15361"));
  EXPECT_THAT(Ids("IFX", "4.43.0.0"), IsEmpty());
  EXPECT_THAT(Ids("IFX", "7.85.4555.0"), IsEmpty());
  EXPECT_THAT(Ids("IFX", "15.23.0.0"), IsEmpty());
  EXPECT_THAT(Ids("IFX", "", "id:053D"), ElementsAre("CVE-2017-15361"));
  EXPECT_THAT(Ids("IFX", "", "id:053E"), IsEmpty());
  EXPECT_THAT(Ids("IFX", "5.62.0.0", "id:053D"), IsEmpty()) << "updated since it was made";
  EXPECT_THAT(Ids("STM", "5.61.0.0"), IsEmpty()) << "every maker counts for itself";
}

TEST(WeakFirmware, TpmFailOfStIsTheVersionsThatTheMakerLists) {
  for (const char* version :
       {"71.0.0.0", "71.4.17568.4452", "71.12.0.0", "73.0.0.0", "73.4.0.0", "73.5.0.0", "73.8.0.0",
        "73.9.0.0", "74.0.0.0", "74.4.0.0", "74.5.0.0", "74.8.0.0", "74.9.0.0", "74.16.0.0"}) {
    EXPECT_THAT(Ids("STM", version), ElementsAre("CVE-2019-16863")) << version;
  }
  for (const char* version : {"71.16.0.0", "73.20.0.0", "73.21.0.0", "73.64.0.0", "73.65.0.0",
                              "74.20.0.0", "74.64.0.0"}) {
    EXPECT_THAT(Ids("STM", version), IsEmpty()) << version;
  }
  EXPECT_THAT(Ids("STM", "", "id:00490004"), ElementsAre("CVE-2019-16863"));
}

TEST(WeakFirmware, NuvotonByTheWholeVersionAndNeverByHalfOfOne) {
  EXPECT_THAT(Ids("NTC", "1.3.2.8"), ElementsAre("CVE-2023-1017"));
  EXPECT_THAT(Ids("NTC", "1.3.0.1"), ElementsAre("CVE-2023-1017"));
  EXPECT_THAT(Ids("NTC", "1.3.1.0"), ElementsAre("CVE-2023-1017"));
  EXPECT_THAT(Ids("NTC", "1.3.2.20"), IsEmpty());
  EXPECT_THAT(Ids("NTC", "7.2.3.1"), ElementsAre("CVE-2025-2884"));
  EXPECT_THAT(Ids("NTC", "7.2.4.1"), IsEmpty());
  EXPECT_THAT(Ids("NTC", "7.2.5.0"), IsEmpty());
  EXPECT_THAT(Ids("NTC", "", "id:00070002"), IsEmpty())
      << "7.2 may be an old or a new one: nobody is warned of a guess";
  EXPECT_THAT(Ids("NTC", "", "id:0007000200030001"), ElementsAre("CVE-2025-2884"));
}

TEST(WeakFirmware, TheConditionFollowsTheFirmware) {
  TpmIdentity identity;
  EXPECT_FALSE(SetFirmwareWeak(identity, "", kNow));
  EXPECT_EQ(Find(identity.status.conditions, "FirmwareWeak"), nullptr) << "nothing is known";

  identity.status.tpm = {"STM", "", "73.4.0.0", "1.38"};
  EXPECT_TRUE(SetFirmwareWeak(identity, "", kNow)) << "as the TPM said at its enrolment";
  const Condition* weak = Find(identity.status.conditions, "FirmwareWeak");
  ASSERT_NE(weak, nullptr);
  EXPECT_EQ(weak->status, ConditionStatus::kTrue);
  EXPECT_THAT(weak->message, HasSubstr("CVE-2019-16863"));
  EXPECT_THAT(weak->message, HasSubstr("73.4.0.0"));
  EXPECT_FALSE(SetFirmwareWeak(identity, "", kNow)) << "no news";

  EXPECT_FALSE(SetFirmwareWeak(identity, "73.20.0.0", kNow)) << "what the TPM signs counts";
  EXPECT_EQ(Find(identity.status.conditions, "FirmwareWeak")->status, ConditionStatus::kFalse);

  identity.status.endorsement.manufacturer = "IFX";
  EXPECT_FALSE(SetFirmwareWeak(identity, "73.4.0.0", kNow)) << "the certificate names the maker";
  identity.status.tpm = {};
  identity.status.endorsement.version = "id:053D";
  EXPECT_TRUE(SetFirmwareWeak(identity, "", kNow));
  EXPECT_THAT(Find(identity.status.conditions, "FirmwareWeak")->message,
              HasSubstr("5.61 (at manufacture)"));
  EXPECT_TRUE(SetFirmwareWeak(identity, "not a version", kNow) == false);
}

}  // namespace
}  // namespace plimsoll::controller::identity
