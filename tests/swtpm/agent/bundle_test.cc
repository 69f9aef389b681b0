// plimsoll-agent bundle on a real TPM, appraised by the offline commands.

#include "node-agent/attest/bundle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/encoding.h"
#include "crypto/random.h"
#include "eventlog/event_log.h"
#include "fakes/test_data.h"
#include "kubectl-plugin/program.h"
#include "swtpm/with_machine.h"

namespace plimsoll {
namespace {

using crypto::KeyProfile;
using ::testing::HasSubstr;

struct Said {
  int code = -1;
  std::string out;
  std::string err;
};

class AgentBundle : public testing::WithMachine {
 protected:
  void SetUp() override {
    testing::WithMachine::SetUp();
    std::string path = (std::filesystem::temp_directory_path() / "plimsoll-bundle-XXXXXX").string();
    ASSERT_NE(mkdtemp(path.data()), nullptr);
    folder_ = path;
    access_ = attest::MakeTpmAccess(machine_->tcti(), clock_, observer_, {});
    options_.node_name = "worker-1";
    options_.profiles = {KeyProfile::kP384};
    options_.log_files = {};
    options_.log_files.boot_event_log = "";
    options_.log_files.ima = "";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // Boots the machine as a recorded log says: every digest is extended.
  void BootBy(const std::string& log_file) {
    options_.log_files.boot_event_log = PLIMSOLL_SOURCE_DIR "/tests/data/" + log_file;
    const Bytes bytes = fakes::ReadTestData(log_file);
    const auto log = eventlog::EventLog::Parse(bytes);
    ASSERT_TRUE(log) << log.error().message;
    for (const eventlog::Event& event : log->events()) {
      if (event.type == eventlog::EventType::kNoAction) {
        continue;
      }
      std::vector<std::string> digests;
      for (const auto bank :
           {tcg::AlgorithmId::kSha1, tcg::AlgorithmId::kSha256, tcg::AlgorithmId::kSha384}) {
        const ByteSpan digest = log->DigestOf(event, bank);
        if (!digest.empty()) {
          digests.push_back(std::string(tcg::BankName(bank)) + ":" + ToHex(digest));
        }
      }
      ASSERT_OK(machine_->Extend(event.pcr, digests));
    }
  }

  std::string Write(const std::string& name, const std::string& text) {
    const std::string path = folder_ / name;
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }

  std::string MakeBundle(const std::string& name) {
    const auto bundle = attest::MakeBundle(options_, *access_, random_);
    EXPECT_TRUE(bundle) << bundle.error().message;
    access_->Release();
    return Write(name, bundle.value_or(""));
  }

  Said Plugin(std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), "kubectl-plimsoll");
    std::istringstream in;
    std::ostringstream out;
    std::ostringstream err;
    Said said;
    said.code =
        plugin::Run(static_cast<int>(arguments.size()), arguments.data(), {in, out, err, clock_});
    said.out = out.str();
    said.err = err.str();
    return said;
  }

  SystemClock clock_;
  crypto::SystemRandom random_;
  attest::TpmObserver observer_;
  std::unique_ptr<attest::TpmAccess> access_;
  attest::BundleOptions options_;
  std::filesystem::path folder_;
};

TEST_F(AgentBundle, AMachineTeachesAPolicyThatItPassesAndAChangedOneFails) {
  BootBy("event-logs/go-tpm-tools--rhel8-uefi.bin");
  const std::string bundle = MakeBundle("good.json");
  EXPECT_EQ(Plugin({"verify", bundle.c_str()}).code, plugin::kExitUnknown) << "no policy decides";

  const Said learnt = Plugin({"baseline", bundle.c_str()});
  ASSERT_EQ(learnt.code, 0) << learnt.err;
  const std::string policy = Write("policy.yaml", learnt.out);
  EXPECT_THAT(learnt.out, HasSubstr("secureBoot: \"Required\""));
  EXPECT_THAT(learnt.out, HasSubstr("componentRefs"));
  const Said verified = Plugin({"verify", bundle.c_str(), "--policy", policy.c_str()});
  EXPECT_EQ(verified.code, plugin::kExitTrusted) << verified.out << verified.err;

  ASSERT_OK(machine_->Extend(4, {"sha256:" + std::string(64, 'd')}));
  const std::string changed = MakeBundle("changed.json");
  const Said refused = Plugin({"verify", changed.c_str(), "--policy", policy.c_str()});
  EXPECT_EQ(refused.code, plugin::kExitUntrusted);
  EXPECT_THAT(refused.out, HasSubstr("EventLogMismatch"));
}

TEST_F(AgentBundle, WithoutLogsItIsJudgedByPcrValuesAlone) {
  ASSERT_OK(machine_->Extend(0, {"sha256:" + std::string(64, 'a')}));
  const std::string bundle = MakeBundle("bundle.json");
  const Said learnt = Plugin({"baseline", bundle.c_str()});
  ASSERT_EQ(learnt.code, 0) << learnt.err;
  const std::string policy = Write("policy.yaml", learnt.out);
  EXPECT_EQ(Plugin({"verify", bundle.c_str(), "--policy", policy.c_str()}).code,
            plugin::kExitTrusted);
  ASSERT_OK(machine_->Extend(0, {"sha384:" + std::string(96, 'b')}));
  const std::string changed = MakeBundle("changed.json");
  const Said refused = Plugin({"verify", changed.c_str(), "--policy", policy.c_str()});
  EXPECT_EQ(refused.code, plugin::kExitUntrusted);
  EXPECT_THAT(refused.out, HasSubstr("PCRMismatch"));
}

TEST_F(AgentBundle, ItsEndorsementIsJudgedByAnAuthority) {
  ASSERT_OK(machine_->Extend(0, {"sha384:" + std::string(96, 'a')}));
  const std::string bundle = MakeBundle("bundle.json");
  const Said learnt = Plugin({"baseline", bundle.c_str()});
  ASSERT_EQ(learnt.code, 0) << learnt.err;
  std::string text = learnt.out;
  const std::string mode = "  mode: \"Enforce\"\n";
  text.insert(text.find(mode) + mode.size(),
              "  identity: {admission: EndorsementCertificate, endorsementAuthorityRefs: [lab]}\n");
  std::string authority =
      "---\napiVersion: plimsoll.dev/v1alpha1\nkind: EndorsementAuthority\nmetadata: {name: lab}\n"
      "spec:\n  bundles:\n  - inline: |\n";
  std::istringstream lines(machine_->ca_pem());
  for (std::string line; std::getline(lines, line);) {
    authority += "      " + line + "\n";
  }
  const std::string with = Write("with.yaml", text + authority);
  const Said admitted = Plugin({"verify", bundle.c_str(), "--policy", with.c_str()});
  EXPECT_EQ(admitted.code, plugin::kExitTrusted) << admitted.out << admitted.err;

  const std::string vendors = Write(
      "vendors.yaml", text +
                          "---\napiVersion: plimsoll.dev/v1alpha1\nkind: EndorsementAuthority\n"
                          "metadata: {name: lab}\nspec:\n  bundles:\n  - builtin: TPMVendors\n");
  const Said denied = Plugin({"verify", bundle.c_str(), "--policy", vendors.c_str()});
  EXPECT_EQ(denied.code, plugin::kExitUnknown);
  EXPECT_THAT(denied.out, HasSubstr("IdentityDenied"));

  const std::string without = Write("without.yaml", text);
  const Said not_ready = Plugin({"verify", bundle.c_str(), "--policy", without.c_str()});
  EXPECT_EQ(not_ready.code, plugin::kExitUnknown);
  EXPECT_THAT(not_ready.out, HasSubstr("PolicyNotReady"));
}

}  // namespace
}  // namespace plimsoll
