#include "node-agent/collect/host_facts.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace plimsoll::collect {
namespace {

class HostFacts : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string path = (std::filesystem::temp_directory_path() / "plimsoll-host-XXXXXX").string();
    ASSERT_NE(mkdtemp(path.data()), nullptr);
    directory_ = path;
    files_.boot_id = Write("boot_id", "2f1c0f0e-6c55-4c7a-a1f3-0c2a8a0b7c11\n");
    files_.os_release =
        Write("os-release", "NAME=x\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n");
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string Write(const std::string& name, const std::string& text) {
    std::ofstream(directory_ / name, std::ios::binary) << text;
    return (directory_ / name).string();
  }

  std::filesystem::path directory_;
  HostFiles files_;
};

TEST_F(HostFacts, AreReadFromTheHost) {
  const auto facts = CollectHostFacts(files_);
  ASSERT_TRUE(facts) << facts.error().message;
  EXPECT_EQ(facts->boot_id, "2f1c0f0e-6c55-4c7a-a1f3-0c2a8a0b7c11");
  EXPECT_EQ(facts->os_image, "Debian GNU/Linux 12 (bookworm)");
  EXPECT_FALSE(facts->kernel.empty());
  EXPECT_EQ(facts->agent_version, PLIMSOLL_VERSION);
}

TEST_F(HostFacts, AreThereOnTheMachineThatRunsThis) { EXPECT_TRUE(CollectHostFacts({})); }

TEST_F(HostFacts, NeedABootIdThatIsAUuid) {
  for (const char* text :
       {"", "not a uuid", "2F1C0F0E-6C55-4C7A-A1F3-0C2A8A0B7C11", "2f1c0f0e\n"}) {
    files_.boot_id = Write("boot_id", text);
    const auto facts = CollectHostFacts(files_);
    ASSERT_FALSE(facts) << text;
    EXPECT_EQ(facts.error().code, ErrorCode::kMalformed);
  }
  files_.boot_id = Write("boot_id", std::string(100'000, 'a'));
  EXPECT_EQ(CollectHostFacts(files_).error().code, ErrorCode::kTooLarge);
  files_.boot_id = (directory_ / "absent").string();
  EXPECT_EQ(CollectHostFacts(files_).error().code, ErrorCode::kNotFound);
}

TEST_F(HostFacts, LeaveOutTextThatIsNotFitForTheWire) {
  files_.os_release = Write("os-release", std::string("PRETTY_NAME=\"bad\x1b[31m\"\n"));
  EXPECT_EQ(CollectHostFacts(files_)->os_image, "");
  files_.os_release = Write("os-release", "PRETTY_NAME=" + std::string(300, 'x'));
  EXPECT_EQ(CollectHostFacts(files_)->os_image, "");
  files_.os_release = (directory_ / "absent").string();
  EXPECT_EQ(CollectHostFacts(files_)->os_image, "");
}

TEST(PrettyName, UndoesTheQuotesOfAShell) {
  EXPECT_EQ(PrettyName("PRETTY_NAME=Arch\n"), "Arch");
  EXPECT_EQ(PrettyName("A=b\n  PRETTY_NAME='Linux X' \nC=d"), "Linux X");
  EXPECT_EQ(PrettyName("PRETTY_NAME=\"a \\\"b\\\" c\""), "a \"b\" c");
  EXPECT_EQ(PrettyName("#PRETTY_NAME=no\n"), "");
  EXPECT_EQ(PrettyName("PRETTY_NAME="), "");
  EXPECT_EQ(PrettyName("PRETTY_NAME=\""), "\"");
  EXPECT_EQ(PrettyName(""), "");
}

}  // namespace
}  // namespace plimsoll::collect
