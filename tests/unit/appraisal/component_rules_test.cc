#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/appraisal/findings.h"

// Boot components, by digest and by who signed them (B3).
namespace plimsoll::appraisal {
namespace {

using fakes::EventLogBuilder;
using fakes::EventType;
using fakes::MeasuredNode;
using tcg::AlgorithmId;
using testing::HasSubstr;

Json ComponentPolicy(Json refs = {"machine"}, Json more = Json::object()) {
  more["componentRefs"] = std::move(refs);
  more["secureBoot"] = "Ignored";
  return MeasuredNode::BootPolicy(more);
}

EventLogBuilder WithImage(uint32_t pcr, std::string_view image,
                          EventType type = EventType::kEfiBootServicesApplication) {
  EventLogBuilder log = fakes::TwoBankLog();
  log.AddImage(pcr, "\\EFI\\BOOT\\evil.efi", image, type);
  return log;
}

// A machine with another log, under the reference values of the good one.
MeasuredNode Other(const EventLogBuilder& log) {
  MeasuredNode machine;
  machine.log = log;
  machine.Measure();
  return machine;
}

TEST(ComponentRules, B03_WhatIsListedPasses) {
  MeasuredNode machine;
  const Appraisal appraisal = machine.Judge(ComponentPolicy());
  EXPECT_THAT(appraisal, IsTrusted());
  EXPECT_TRUE(AllFindings(appraisal).empty());
}

TEST(ComponentRules, B03_AnImageThatIsNotListedFailsWithAllThatAPersonNeeds) {
  MeasuredNode machine = Other(WithImage(4, "evil"));
  const Appraisal appraisal = machine.Judge(ComponentPolicy());
  EXPECT_THAT(appraisal, IsUntrusted(Reason::kBootComponentNotAccepted));
  const Finding finding = FindingBy(appraisal, "B3", Reason::kBootComponentNotAccepted);
  EXPECT_EQ(finding.pcr->index, 4U);
  EXPECT_EQ(finding.pcr->bank, AlgorithmId::kSha256);
  EXPECT_EQ(finding.event->index, 28U);
  EXPECT_EQ(finding.event->type, "EV_EFI_BOOT_SERVICES_APPLICATION");
  EXPECT_EQ(finding.observed, ToHex(ima::Sha256("evil")));
  EXPECT_EQ(finding.expected.size(), 64U);
  EXPECT_EQ(finding.closest, "machine");
  EXPECT_EQ(finding.message,
            "boot loader \\EFI\\BOOT\\evil.efi is in no accepted reference set; closest: machine");
}

TEST(ComponentRules, B03_EveryPlaceWhereCodeIsMeasuredIsJudged) {
  const std::pair<uint32_t, EventType> places[] = {
      {2, EventType::kEfiBootServicesDriver},
      {4, EventType::kEfiBootServicesApplication},
      {4, EventType::kEfiBootServicesDriver},
      {4, EventType::kEfiRuntimeServicesDriver},
      {9, EventType::kIpl},
      {11, EventType::kIpl},
  };
  for (const auto& [pcr, type] : places) {
    MeasuredNode machine = Other(WithImage(pcr, "evil", type));
    EXPECT_THAT(machine.Judge(ComponentPolicy()), IsUntrusted(Reason::kBootComponentNotAccepted))
        << "PCR " << pcr;
  }
}

TEST(ComponentRules, B03_ALieAboutTypeOrNameHelpsNoImagePastTheRule) {
  for (const EventType type :
       {EventType::kEfiBootServicesDriver, EventType::kIpl, EventType::kEfiAction,
        EventType::kCompactHash, EventType::kEfiPlatformFirmwareBlob2}) {
    MeasuredNode machine = Other(WithImage(4, "evil"));
    machine.log.events.back().type = type;
    machine.log.events.back().data = ToBytes(AsBytes("Calling EFI Application from Boot Option"));
    const Appraisal appraisal = machine.Judge(ComponentPolicy());
    EXPECT_THAT(appraisal, IsUntrusted(Reason::kBootComponentNotAccepted))
        << eventlog::EventTypeName(type);
  }
  MeasuredNode config = Other(WithImage(9, "evil", EventType::kIpl));
  config.log.events.back().data = ToBytes(AsBytes("/boot/grub/grub.cfg"));
  EXPECT_THAT(config.Judge(ComponentPolicy({"machine"}, {{"componentRoles", {"InitRD"}}})),
              IsUntrusted(Reason::kBootComponentNotAccepted))
      << "a name does not make an initrd a configuration file";
}

TEST(ComponentRules, L02_AnImageUnderATypeThatDoesNotBelongInPcr4IsMalformed) {
  MeasuredNode machine;
  machine.EventAt(fakes::kGrubEvent).type = EventType::kUnused;
  const Appraisal appraisal = machine.Judge(ComponentPolicy());
  EXPECT_THAT(appraisal, IsUntrusted(Reason::kEventLogMalformed));
  EXPECT_EQ(FindingBy(appraisal, "L2", Reason::kEventLogMalformed).event->type, "EV_UNUSED");
}

TEST(ComponentRules, B03_RolesSayWhichPlacesAreJudged) {
  const std::map<std::string, std::vector<uint32_t>> judged = {
      {"OptionROM", {2}}, {"Driver", {2, 4}}, {"BootLoader", {4}}, {"Kernel", {4, 9}},
      {"InitRD", {9}},    {"UKI", {4, 11}},   {"Other", {9}},      {"Firmware", {0}},
  };
  for (const auto& [role, pcrs] : judged) {
    for (const uint32_t pcr : {0U, 2U, 4U, 9U, 11U}) {
      MeasuredNode machine = Other(WithImage(pcr, "evil",
                                             pcr == 0  ? EventType::kEfiPlatformFirmwareBlob2
                                             : pcr > 4 ? EventType::kIpl
                                                       : EventType::kEfiBootServicesDriver));
      if (role == "Firmware") {  // the good machine's own firmware is not in the set
        machine.values["spec"]["components"].push_back(
            {{"role", "Firmware"},
             {"digests",
              {{{"algorithm", "sha256"},
                {"value", ToHex(machine.EventAt(1).digests.at(
                              static_cast<uint16_t>(AlgorithmId::kSha256)))}}}}});
        machine.Publish(machine.values);
      }
      const Appraisal appraisal =
          machine.Judge(ComponentPolicy({"machine"}, {{"componentRoles", {role}}}));
      const bool is_judged = std::find(pcrs.begin(), pcrs.end(), pcr) != pcrs.end();
      EXPECT_EQ(appraisal.verdict == Verdict::kUntrusted, is_judged) << role << " PCR " << pcr;
    }
  }
}

TEST(ComponentRules, B03_AnEntryCountsOnlyWhereItsRoleIsMeasured) {
  MeasuredNode machine = Other(WithImage(4, "evil"));
  machine.values["spec"]["components"].push_back(
      {{"role", "OptionROM"},
       {"digests", {{{"algorithm", "sha256"}, {"value", ToHex(ima::Sha256("evil"))}}}}});
  machine.Publish(machine.values);
  EXPECT_THAT(machine.Judge(ComponentPolicy()), IsUntrusted(Reason::kBootComponentNotAccepted));
}

TEST(ComponentRules, B03_ADigestOfAnotherAlgorithmIsNoDigestOfTheBank) {
  MeasuredNode machine = Other(WithImage(4, "evil"));
  const Bytes sha1 = crypto::Digest(AlgorithmId::kSha1, {AsBytes("evil")});
  machine.values["spec"]["components"].push_back(
      {{"role", "BootLoader"}, {"digests", {{{"algorithm", "sha1"}, {"value", ToHex(sha1)}}}}});
  machine.Publish(machine.values);
  EXPECT_THAT(machine.Judge(ComponentPolicy()), IsUntrusted(Reason::kBootComponentNotAccepted));
}

TEST(ComponentRules, B03_APlaceThatWasNotQuotedIsWrongBank) {
  MeasuredNode machine;
  machine.node.selection = fakes::AttestedNode::Selection("sha256:0,1,2,3,5,6,7,8,9,10,11");
  EXPECT_THAT(machine.Judge(ComponentPolicy()), IsUnknown(Reason::kWrongBank));
  machine.node.selection = fakes::AttestedNode::Selection("sha256:0,1,2,3,4,5,6,7,8,9,10");
  EXPECT_THAT(machine.Judge(ComponentPolicy()), IsTrusted()) << "PCR 4 has a UKI as a whole";
}

TEST(ComponentRules, B03_MoreComponentsThanAreKeptCannotPass) {
  EventLogBuilder log = fakes::TwoBankLog();
  for (int i = 0; i < 100; ++i) {
    log.AddGrubFile("/boot/grub/module" + std::to_string(i), "module");
  }
  MeasuredNode machine(log);
  const Appraisal appraisal = machine.Judge(ComponentPolicy());
  EXPECT_THAT(appraisal, IsUntrusted(Reason::kBootComponentNotAccepted));
  EXPECT_THAT(FindingBy(appraisal, "B3", Reason::kBootComponentNotAccepted).message,
              HasSubstr("more components than are kept"));
}

TEST(ComponentRules, B03_FindingsAreBoundedAndTheRestIsCounted) {
  EventLogBuilder log = fakes::TwoBankLog();
  for (int i = 0; i < 40; ++i) {
    log.AddGrubFile("/boot/" + std::to_string(i), "evil" + std::to_string(i));
  }
  MeasuredNode machine = Other(log);
  const Appraisal appraisal = machine.Judge(ComponentPolicy());
  EXPECT_EQ(AllFindings(appraisal).size(), 33U);
  EXPECT_EQ(FindingBy(appraisal, "B3", std::nullopt).message, "8 more components are not accepted");
}

TEST(ComponentRules, B03_ARevokedDigestFailsEvenWhereAnotherSetAcceptsIt) {
  MeasuredNode machine;
  machine.Publish(MeasuredNode::Set(
      "recalled",
      {{"state", "Revoked"},
       {"components",
        {{{"role", "BootLoader"},
          {"digests", {{{"algorithm", "sha256"}, {"value", ToHex(ima::Sha256("grub"))}}}}}}}}));
  const Appraisal appraisal = machine.Judge(ComponentPolicy({"machine", "recalled"}));
  EXPECT_THAT(appraisal, IsUntrusted(Reason::kReferenceRevoked));
  const Finding finding = FindingBy(appraisal, "B3", Reason::kReferenceRevoked);
  EXPECT_EQ(finding.closest, "recalled");
  EXPECT_EQ(finding.event->index, fakes::kGrubEvent);
  EXPECT_THAT(finding.message, HasSubstr("grubx64.efi is revoked by recalled"));
}

TEST(ComponentRules, B03_ADeprecatedSetAcceptsWithARemarkPerComponent) {
  MeasuredNode machine;
  machine.values["spec"]["state"] = "Deprecated";
  machine.Publish(machine.values);
  const Appraisal appraisal = machine.Judge(ComponentPolicy());
  EXPECT_THAT(appraisal, IsTrusted());
  const Finding remark = FindingBy(appraisal, "B3", std::nullopt);
  EXPECT_EQ(remark.closest, "machine");
  EXPECT_EQ(remark.event->index, fakes::kShimEvent);
}

TEST(ComponentRules, B03_ASetOutsideOfItsTimeAcceptsNothingAndIsNotTheClosest) {
  MeasuredNode machine;
  machine.values["spec"]["notAfter"] = "2026-11-24T07:59:59Z";
  machine.Publish(machine.values);
  const Appraisal appraisal = machine.Judge(ComponentPolicy());
  EXPECT_THAT(appraisal, IsUntrusted(Reason::kBootComponentNotAccepted));
  EXPECT_EQ(FindingBy(appraisal, "B3", Reason::kBootComponentNotAccepted).closest, "");
}

}  // namespace
}  // namespace plimsoll::appraisal
