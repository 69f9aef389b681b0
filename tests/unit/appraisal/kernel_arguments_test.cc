#include "appraisal/kernel_arguments.h"

#include <gtest/gtest.h>

// Command lines as the kernel splits them (B7).
namespace plimsoll::appraisal {
namespace {

TEST(KernelArguments, B07_ContainsComparesWholeArguments) {
  const KernelArguments line("/vmlinuz root=/dev/sda1  ro\tquiet");
  EXPECT_TRUE(line.Contains("ro"));
  EXPECT_TRUE(line.Contains("root=/dev/sda1"));
  EXPECT_TRUE(line.Contains("quiet"));
  EXPECT_FALSE(line.Contains("root"));
  EXPECT_FALSE(line.Contains("root="));
  EXPECT_FALSE(line.Contains("r"));
  EXPECT_FALSE(line.Contains(""));
  EXPECT_FALSE(KernelArguments("").Contains("ro"));
}

TEST(KernelArguments, B07_ContainsTakesOffTheQuotesThatTheKernelTakesOff) {
  EXPECT_TRUE(KernelArguments("\"dyndbg=file x +p\"").Contains("dyndbg=file x +p"));
  EXPECT_TRUE(KernelArguments("dyndbg=\"file x +p\"").Contains("dyndbg=file x +p"));
  EXPECT_TRUE(KernelArguments("lockdown=\"integrity\"").Contains("lockdown=integrity"));
  EXPECT_FALSE(KernelArguments("lock\"down=integrity\"").Contains("lockdown=integrity"));
  EXPECT_FALSE(KernelArguments("x=\"a lockdown=integrity b\"").Contains("lockdown=integrity"))
      << "within quotes it is a part of another value";
}

TEST(KernelArguments, B07_ContainsDoesNotCountWhatIsForInit) {
  const KernelArguments line("ro -- lockdown=integrity");
  EXPECT_TRUE(line.Contains("ro"));
  EXPECT_FALSE(line.Contains("lockdown=integrity"));
  EXPECT_FALSE(KernelArguments("ro \"--\" lockdown=integrity").Contains("lockdown=integrity"));
  EXPECT_TRUE(KernelArguments("ro --x lockdown=integrity").Contains("lockdown=integrity"));
}

TEST(KernelArguments, B07_ANameForbidsEveryValueAndNone) {
  for (const char* const entry : {"init", "init="}) {
    EXPECT_TRUE(KernelArguments("ro init=/bin/sh").FindForbidden(entry)) << entry;
    EXPECT_TRUE(KernelArguments("ro init").FindForbidden(entry)) << entry;
    EXPECT_TRUE(KernelArguments("ro init=").FindForbidden(entry)) << entry;
    EXPECT_FALSE(KernelArguments("ro rdinit=/bin/sh initrd=x").FindForbidden(entry)) << entry;
  }
}

TEST(KernelArguments, B07_ANameWithAValueForbidsThatValueAlone) {
  EXPECT_TRUE(KernelArguments("console=tty0").FindForbidden("console=tty0"));
  EXPECT_FALSE(KernelArguments("console=tty1").FindForbidden("console=tty0"));
  EXPECT_FALSE(KernelArguments("console").FindForbidden("console=tty0"));
}

TEST(KernelArguments, B07_DashAndUnderscoreAreOneInNamesAndNotInValues) {
  EXPECT_TRUE(KernelArguments("systemd.debug_shell").FindForbidden("systemd.debug-shell"));
  EXPECT_TRUE(KernelArguments("systemd.debug-shell=1").FindForbidden("systemd.debug_shell"));
  EXPECT_FALSE(KernelArguments("a=x_y").FindForbidden("a=x-y"));
}

TEST(KernelArguments, B07_WhatMightBeMeantIsForbiddenToo) {
  EXPECT_TRUE(KernelArguments("in\"it\"=/bin/sh").FindForbidden("init"));
  EXPECT_TRUE(KernelArguments("'init'=/bin/sh").FindForbidden("init"));
  EXPECT_TRUE(KernelArguments("rd\\.break").FindForbidden("rd.break"));
  EXPECT_TRUE(KernelArguments("\"init=/bin/sh\"").FindForbidden("init=/bin/sh"));
  EXPECT_TRUE(KernelArguments("init=\"/bin/sh\"").FindForbidden("init=/bin/sh"));
  EXPECT_TRUE(KernelArguments("x=\"a init=/bin/sh b\"").FindForbidden("init"));
  EXPECT_TRUE(KernelArguments("ro -- init=/bin/sh").FindForbidden("init"));
  EXPECT_TRUE(KernelArguments("ro\xA0init=/bin/sh").FindForbidden("init"));
  EXPECT_TRUE(KernelArguments("\"unclosed init=/bin/sh").FindForbidden("init"));
}

TEST(KernelArguments, B07_TheArgumentIsNamedAsItStands) {
  EXPECT_EQ(KernelArguments("ro in\"it\"=/bin/sh x").FindForbidden("init"), "in\"it\"=/bin/sh");
}

}  // namespace
}  // namespace plimsoll::appraisal
