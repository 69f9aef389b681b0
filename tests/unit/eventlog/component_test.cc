#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "eventlog/facts.h"
#include "read_log.h"

// Components, UKI sections, MOK, partitions, and what a lie about them can do.
namespace plimsoll::eventlog {
namespace {

using fakes::EventLogBuilder;

Bytes Hash(std::string_view text) { return crypto::Digest(kSha256, {AsBytes(text)}); }

// The component with this digest; the test fails without one.
Component Find(const BootFacts& facts, std::string_view measured) {
  for (const Component& component : facts.components.items) {
    if (component.digest == Hash(measured)) {
      return component;
    }
  }
  ADD_FAILURE() << "nothing measured as " << measured;
  return {};
}

bool Has(const BootFacts& facts, std::string_view measured) {
  for (const Component& component : facts.components.items) {
    if (component.digest == Hash(measured)) {
      return true;
    }
  }
  return false;
}

TEST(ComponentChecks, RolesComeFromThePlace) {
  EventLogBuilder builder = fakes::SecureBootLog();
  builder.AddImage(2, "", "rom", EventType::kEfiBootServicesDriver);
  builder.AddImage(4, "\\driver.efi", "driver", EventType::kEfiRuntimeServicesDriver);
  builder.Add(0, EventType::kEfiPlatformFirmwareBlob, Bytes(16), AsBytes("volume"));
  const BootFacts facts = FactsOf(builder);
  EXPECT_EQ(Find(facts, "rom").role, Role::kOptionRom);
  EXPECT_EQ(Find(facts, "driver").role, Role::kDriver);
  EXPECT_EQ(Find(facts, "volume").role, Role::kFirmware);
  const Component shim = Find(facts, "shim");
  EXPECT_EQ(shim.role, Role::kBootLoader);
  EXPECT_TRUE(shim.role_proven);
  EXPECT_EQ(shim.event, fakes::kShimEvent);
  EXPECT_EQ(shim.name, "\\EFI\\debian\\shimx64.efi");
  EXPECT_FALSE(shim.name_covered);
}

TEST(ComponentChecks, FilesOfGrubHaveARoleByTheirNameAlone) {
  const BootFacts facts = FactsOf(fakes::SecureBootLog());
  for (const auto& component : facts.components.items) {
    if (component.pcr == 9) {
      EXPECT_FALSE(component.role_proven);
      EXPECT_FALSE(component.name_covered);
    }
  }
  const Component initrd = Find(facts, "initrd");
  EXPECT_EQ(initrd.role, Role::kInitRd);
  EXPECT_EQ(initrd.name, "/initrd.img");
  EXPECT_EQ(Find(facts, "config").role, Role::kOther);
}

// E33: the type and the path are anybody's word, so no lie about them takes an image out of a rule.
TEST(ComponentChecks, E33_NoTypeHidesAnImageFromRules) {
  for (const EventType type :
       {EventType::kEfiBootServicesDriver, EventType::kEfiRuntimeServicesDriver,
        EventType::kEfiAction, EventType::kAction, EventType::kIpl, EventType::kCompactHash,
        EventType::kOmitBootDeviceEvents, EventType::kEfiPlatformFirmwareBlob,
        EventType::kEfiPlatformFirmwareBlob2, EventType::kEventTag}) {
    EventLogBuilder builder = fakes::SecureBootLog();
    builder.Add(4, type, AsBytes("Calling EFI Application from Boot Option"), AsBytes("evil"));
    const Component evil = Find(FactsOf(builder), "evil");
    EXPECT_TRUE(evil.MayHave(Role::kBootLoader)) << EventTypeName(type);
    EXPECT_FALSE(evil.MayHave(Role::kOptionRom));

    EventLogBuilder rom = fakes::SecureBootLog();
    rom.Add(2, type, AsBytes("x"), AsBytes("evil"));
    EXPECT_TRUE(Find(FactsOf(rom), "evil").MayHave(Role::kOptionRom)) << EventTypeName(type);
  }
}

TEST(ComponentChecks, E33_AnImageThatIsLoggedAsAnActionWithItsOwnBytesIsStillAnImage) {
  const std::string image = "MZ\x90" + std::string(60, '\0');
  EventLogBuilder builder = fakes::SecureBootLog();
  builder.AddText(4, EventType::kEfiAction, image);
  EXPECT_TRUE(Has(FactsOf(builder), image));
  const std::string text(200, 'A');
  builder.AddText(4, EventType::kEfiAction, text);
  EXPECT_TRUE(Has(FactsOf(builder), text));
}

TEST(ComponentChecks, ProvenActionsAndSeparatorsAreNoComponents) {
  const BootFacts facts = FactsOf(fakes::SecureBootLog());
  EXPECT_FALSE(Has(facts, "Calling EFI Application from Boot Option"));
  EXPECT_FALSE(Has(facts, std::string_view("\0\0\0\0", 4)));
}

TEST(ComponentChecks, AnImageUnderTheTypeOfASeparatorIsAMalformedPcr) {
  EventLogBuilder builder = fakes::SecureBootLog();
  builder.Add(4, EventType::kSeparator, Bytes(4), AsBytes("evil"));
  const auto problem = ProblemOf(builder, 4, Severity::kMalformed);
  ASSERT_TRUE(problem.has_value());
  EXPECT_EQ(problem->check, "L11");
}

TEST(ComponentChecks, E33_AnotherPathChangesTheHintAlone) {
  EventLogBuilder builder = fakes::SecureBootLog();
  const BootFacts before = FactsOf(builder);
  builder.events[fakes::kShimEvent - 1].data = fakes::ImageData("\\EFI\\good.efi");
  const BootFacts after = FactsOf(builder);
  EXPECT_EQ(after.components.items.size(), before.components.items.size());
  const Component shim = Find(after, "shim");
  EXPECT_EQ(shim.name, "\\EFI\\good.efi");
  EXPECT_EQ(shim.role, Role::kBootLoader);
}

TEST(ComponentChecks, SectionsOfAUnifiedKernelAreNamedByTheirDigests) {
  EventLogBuilder builder = fakes::SecureBootLog();
  builder.AddUkiSection(".linux", "kernel bytes").AddUkiSection(".cmdline", "ro");
  for (auto& event : builder.events) {
    if (event.pcr == 11) {
      event.data = ToBytes(AsBytes("a lie"));
    }
  }
  const BootFacts facts = FactsOf(builder);
  ASSERT_EQ(facts.uki_sections.items.size(), 2U);
  EXPECT_EQ(facts.uki_sections.items[0].name, ".linux");
  EXPECT_EQ(facts.uki_sections.items[0].digest, Hash("kernel bytes"));
  EXPECT_EQ(facts.uki_sections.items[0].event, 29U);
  EXPECT_EQ(facts.uki_sections.items[1].name, ".cmdline");
  const Component component = Find(facts, "kernel bytes");
  EXPECT_EQ(component.role, Role::kUki);
  EXPECT_EQ(component.name, ".linux");
  EXPECT_TRUE(component.name_covered);
}

TEST(ComponentChecks, WhatIsNoSectionInPcr11IsAComponentWithoutAName) {
  EventLogBuilder builder = fakes::SecureBootLog();
  builder.AddText(11, EventType::kIpl, ".linux");
  const BootFacts facts = FactsOf(builder);
  EXPECT_TRUE(facts.uki_sections.items.empty());
  EXPECT_EQ(Find(facts, ".linux").role, Role::kUki);
  EXPECT_EQ(Find(facts, ".linux").name, "");
}

TEST(ComponentChecks, ContentsThatAreTheNameOfASectionAreContents) {
  EventLogBuilder builder = fakes::SecureBootLog();
  builder.AddUkiSection(".osrel", std::string_view(".linux\0", 7));
  builder.AddUkiSection(".linux", "kernel bytes");
  const BootFacts facts = FactsOf(builder);
  ASSERT_EQ(facts.uki_sections.items.size(), 2U);
  EXPECT_EQ(facts.uki_sections.items[0].name, ".osrel");
  EXPECT_EQ(facts.uki_sections.items[1].digest, Hash("kernel bytes"));
}

TEST(ComponentChecks, TheInitrdOfTheKernelsStubIsAnInitrd) {
  Bytes data;
  fakes::AppendLittleEndian(data, 0x8F3B22EC, 4);
  fakes::AppendLittleEndian(data, 12, 4);
  Append(data, AsBytes("Linux initrd"));
  EventLogBuilder builder = fakes::SecureBootLog();
  builder.Add(9, EventType::kEventTag, data, AsBytes("cpio"));
  EXPECT_EQ(Find(FactsOf(builder), "cpio").role, Role::kInitRd);
  EXPECT_EQ(ReadFacts(RecordedLog("tpm2-tools--event-sd-boot-fedora37.bin"), kSha256)
                .components.items.back()
                .name,
            "Linux initrd");
}

TEST(ComponentChecks, MokVariablesAndStubEventsAreListed) {
  EventLogBuilder builder = fakes::SecureBootLog();
  builder.Add(14, EventType::kIpl, AsBytes(std::string_view("MokList\0", 8)), AsBytes("keys"));
  builder.Add(13, EventType::kIpl, AsBytes("sysext"), AsBytes("cpio"));
  const BootFacts facts = FactsOf(builder);
  ASSERT_EQ(facts.mok_variables.items.size(), 1U);
  EXPECT_EQ(facts.mok_variables.items[0].name, "MokList");
  EXPECT_EQ(facts.mok_variables.items[0].digest, Hash("keys"));
  ASSERT_EQ(facts.stub_events.items.size(), 1U);
  EXPECT_EQ(facts.stub_events.items[0].text, "sysext");
  EXPECT_FALSE(facts.stub_events.items[0].covered);
}

TEST(ComponentChecks, PartitionsAreReadOnlyWhenCovered) {
  Bytes data = ToBytes(AsBytes("EFI PART"));
  data.resize(92);
  data[56] = 0xD1;
  fakes::AppendLittleEndian(data, 1, 8);
  Bytes entry(128);
  entry[0] = 0x28;
  entry[16] = 0x77;
  const Bytes name = fakes::Utf16("root");
  std::copy(name.begin(), name.end(), entry.begin() + 56);
  Append(data, entry);
  EventLogBuilder builder = fakes::SecureBootLog();
  builder.Add(5, EventType::kEfiGptEvent, data);
  const BootFacts facts = FactsOf(builder);
  ASSERT_TRUE(facts.partition_table.has_value());
  EXPECT_EQ(facts.partition_table->disk.bytes[0], 0xD1);
  ASSERT_EQ(facts.partition_table->partitions.items.size(), 1U);
  EXPECT_EQ(facts.partition_table->partitions.items[0].name, "root");
  EXPECT_EQ(facts.partition_table->partitions.items[0].type.bytes[0], 0x28);
  EXPECT_EQ(facts.partition_table->partitions.items[0].id.bytes[0], 0x77);

  builder.events.back().data[100] ^= 1U;
  EXPECT_FALSE(FactsOf(builder).partition_table.has_value());
}

TEST(ComponentChecks, TheFirmwareVersionIsReadOnlyWhenCovered) {
  EventLogBuilder builder;
  Bytes version = fakes::Utf16("fw 2.0");
  Append(version, Bytes{0, 0});
  builder.Add(0, EventType::kSCrtmVersion, version);
  EXPECT_EQ(FactsOf(builder).firmware_version, "fw 2.0");
  builder.events.back().data[0] = 'g';
  EXPECT_EQ(FactsOf(builder).firmware_version, "");
}

TEST(ComponentChecks, L13_PcrsWithoutEventsAreKnown) {
  const BootFacts facts = FactsOf(fakes::SecureBootLog());
  EXPECT_EQ(facts.pcrs_with_events, 0x3FFU);
  EventLogBuilder few;
  few.AddSeparator(0).AddSeparator(4).AddSeparator(5).AddSeparator(7);
  EXPECT_EQ(FactsOf(few).pcrs_with_events, 0xB1U);
}

TEST(ComponentChecks, RolesHaveTheNamesOfTheApi) {
  for (const Role role : {Role::kFirmware, Role::kOptionRom, Role::kBootLoader, Role::kKernel,
                          Role::kInitRd, Role::kUki, Role::kDriver, Role::kOther}) {
    EXPECT_EQ(RoleFromName(ToString(role)), role);
  }
  EXPECT_EQ(ToString(Role::kOptionRom), "OptionROM");
  EXPECT_FALSE(RoleFromName("Bootloader").has_value());
}

}  // namespace
}  // namespace plimsoll::eventlog
