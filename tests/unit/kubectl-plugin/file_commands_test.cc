#include "fakes/software_ca.h"
#include "fakes/test_data.h"
#include "unit/kubectl-plugin/plugin_test.h"

// eventlog, ima and endorsement: what single files say.
namespace plimsoll::plugin {
namespace {

using fakes::MeasuredNode;
using fakes::ReadTestData;
using tcg::AlgorithmId;
using testing::HasSubstr;

class FileCommands : public PluginTest {
 protected:
  static std::string Data(const std::string& path) {
    return std::string(PLIMSOLL_SOURCE_DIR "/tests/data/") + path;
  }

  MeasuredNode machine_;
};

TEST_F(FileCommands, EventLogHasTheMembersThatProgramsRead) {
  const std::string file = Write("log", machine_.log.Build());
  const Result result = Run({"eventlog", file, "-o", "json"});
  EXPECT_EQ(result.code, 0) << result.err;
  const Json json = result.json();
  EXPECT_EQ(json["format"], "CryptoAgile");
  EXPECT_EQ(json["banks"], Json({"sha1", "sha256"}));
  EXPECT_TRUE(json["startupLocality"].is_null());
  for (uint32_t pcr = 0; pcr < 10; ++pcr) {
    EXPECT_EQ(json["pcrs"]["sha256"][std::to_string(pcr)], machine_.Pcr(pcr));
  }
  EXPECT_EQ(json["pcrs"]["sha1"]["0"], machine_.Pcr(0, AlgorithmId::kSha1));
  EXPECT_FALSE(json["pcrs"]["sha256"].contains("11"));
  EXPECT_EQ(json["secureBoot"], "Enabled");
  EXPECT_EQ(json["kernelCommandLine"], "/vmlinuz root=/dev/sda1 ro quiet");
  EXPECT_TRUE(json["components"].is_array());
  ASSERT_EQ(json["events"].size(), 28U);
  const Json& event = json["events"][fakes::kKernelCommandLineEvent];
  EXPECT_EQ(event["index"], fakes::kKernelCommandLineEvent);
  EXPECT_EQ(event["pcr"], 8);
  EXPECT_EQ(event["type"], "EV_IPL");
  EXPECT_EQ(event["digests"]["sha256"], ToHex(ima::Sha256("/vmlinuz root=/dev/sda1 ro quiet")));
  EXPECT_EQ(event["dataTrusted"], true);
  EXPECT_THAT(event["text"].get<std::string>(), HasSubstr("root=/dev/sda1"));
  EXPECT_EQ(json["events"][fakes::kShimEvent]["dataTrusted"], false);
}

TEST_F(FileCommands, EventLogOfOneBankAlone) {
  const std::string file = Write("log", machine_.log.Build());
  const Json json = Run({"eventlog", file, "--bank", "sha1", "-o", "json"}).json();
  EXPECT_EQ(json["pcrs"].size(), 1U);
  EXPECT_TRUE(json["pcrs"].contains("sha1"));
  EXPECT_EQ(Run({"eventlog", file, "--bank", "sha384"}).code, 1);
  EXPECT_EQ(Run({"eventlog", file, "--bank", "md5"}).code, kExitUnusable);
}

TEST_F(FileCommands, EventLogReadsRealLogs) {
  for (const std::string name :
       {"keylime--binary_bios_measurements-secureboot", "tpm2-tools--event-sd-boot-fedora37.bin",
        "go-tpm-tools--arch-linux-workstation.bin"}) {
    const Result result = Run({"eventlog", Data("event-logs/" + name)});
    EXPECT_EQ(result.code, 0) << name << result.err;
    EXPECT_THAT(result.out, HasSubstr("SECURE BOOT"));
    EXPECT_THAT(result.out, HasSubstr("PCR  VALUE AFTER REPLAY"));
  }
  const Json old =
      Run({"eventlog", Data("event-logs/tpm2-tools--event-uefi-sha1-log.bin"), "-o", "json"})
          .json();
  EXPECT_EQ(old["format"], "TPM12Log");
  EXPECT_EQ(old["banks"], Json({"sha1"}));
}

TEST_F(FileCommands, ARefusedLogIsExit1WithAReason) {
  Bytes cut = machine_.log.Build();
  cut.pop_back();
  const std::vector<std::pair<Bytes, std::string>> refused = {
      {{}, "Empty"}, {machine_.log.Header(), "Empty"}, {cut, "Truncated"}, {Bytes(100, 7), ""}};
  for (const auto& [bytes, kind] : refused) {
    const Result result = Run({"eventlog", Write("log", bytes), "-o", "json"});
    EXPECT_EQ(result.code, 1) << kind;
    EXPECT_THAT(result.err, HasSubstr("refused (" + kind));
    EXPECT_FALSE(result.json()["reason"].get<std::string>().empty());
    EXPECT_THAT(result.json()["refused"].get<std::string>(), HasSubstr(kind));
  }
  EXPECT_EQ(Run({"eventlog", (folder_ / "missing").string()}).code, kExitUnusable);
}

TEST_F(FileCommands, ALogMayComeByStandardInput) {
  const Bytes log = machine_.log.Build();
  EXPECT_EQ(Run({"eventlog", "-", "-o", "json"}, std::string(AsText(log))).json()["secureBoot"],
            "Enabled");
}

TEST_F(FileCommands, ImaHasTheMembersThatProgramsRead) {
  machine_.files.push_back(ima::ViolationOf("/x"));
  machine_.files.push_back(ima::File("/other", "other", 11));
  machine_.Measure();
  const std::string file = Write("list", ima::Listed(machine_.list));
  const Result result = Run({"ima", file, "-o", "json"});
  EXPECT_EQ(result.code, 0) << result.err;
  const Json json = result.json();
  EXPECT_EQ(json["entries"], 23);
  EXPECT_EQ(json["violations"], 1);
  EXPECT_EQ(json["templates"], Json({{"ima-ng", 23}}));
  EXPECT_EQ(json["pcrs"]["sha256"]["10"], machine_.Pcr(10));
  EXPECT_EQ(json["pcrs"]["sha1"]["10"], machine_.Pcr(10, AlgorithmId::kSha1));
  EXPECT_TRUE(json["pcrs"]["sha256"].contains("11"));
  EXPECT_THAT(json["bootAggregate"].get<std::string>(), HasSubstr("sha256:"));

  const Json one = Run({"ima", file, "--bank", "sha256", "--pcr", "10", "-o", "json"}).json();
  EXPECT_EQ(one["entries"], 22);
  EXPECT_EQ(one["pcrs"], Json({{"sha256", {{"10", machine_.Pcr(10)}}}}));
  EXPECT_THAT(Run({"ima", file}).out, HasSubstr("ENTRIES         23"));
}

TEST_F(FileCommands, ImaReadsBothFormsOfRealLists) {
  EXPECT_EQ(Run({"ima", Data("ima/ima-ng-826.ascii"), "-o", "json"}).json()["entries"], 826);
  EXPECT_EQ(Run({"ima", Data("ima/ima-ng-one-entry.bin"), "-o", "json"}).json()["entries"], 1);
}

TEST_F(FileCommands, ARefusedListIsExit1WithAReason) {
  Bytes cut = ima::Listed(machine_.list);
  cut.pop_back();
  const Result result = Run({"ima", Write("list", cut), "-o", "json"});
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.json()["reason"].get<std::string>(), HasSubstr("entry 20"));
  machine_.list[4].listed[52] ^= 1U;
  EXPECT_EQ(Run({"ima", Write("list", ima::Listed(machine_.list))}).code, 1) << "I1";
  EXPECT_EQ(Run({"ima", Write("list", cut), "--pcr", "24"}).code, kExitUnusable);
  EXPECT_EQ(Run({"ima", (folder_ / "missing").string()}).code, kExitUnusable);
}

TEST_F(FileCommands, EndorsementHasTheMembersThatProgramsRead) {
  const Result result = Run({"endorsement", Data("endorsement/st-ecc-p256.der"), "-o", "json"});
  EXPECT_EQ(result.code, 0) << result.out << result.err;
  const Json json = result.json();
  EXPECT_EQ(json["accepted"], true);
  EXPECT_EQ(json["manufacturer"], "STM");
  EXPECT_EQ(json["keyType"], "P-256");
  for (const char* const member : {"reason", "model", "version", "notAfter"}) {
    EXPECT_TRUE(json[member].is_string()) << member;
  }
}

TEST_F(FileCommands, EndorsementByGivenRootsIntermediatesAndLists) {
  const auto ca = [](const std::string& subject) {
    return fakes::CertificateFields::Ca(subject).Set("keyUsage", "critical,keyCertSign,cRLSign");
  };
  const fakes::SoftwareCa root(ca("root"));
  const fakes::SoftwareCa intermediate(ca("intermediate"), root);
  const fakes::SoftwareKey ek(fakes::KeyTemplate::EkP256());
  const std::string leaf = Write(
      "leaf.der", intermediate.Issue(fakes::CertificateFields::Endorsement(AlgorithmId::kEcc), ek));
  const std::string roots = Write("roots.pem", root.Pem());
  const std::string more = Write("more.pem", intermediate.Pem());
  EXPECT_EQ(Run({"endorsement", leaf}).code, 1) << "of no vendor";
  EXPECT_EQ(Run({"endorsement", leaf, "--roots", roots}).code, 1) << "no chain";
  const Result good = Run({"endorsement", leaf, "--roots", roots, "--intermediates", more});
  EXPECT_EQ(good.code, 0) << good.out;
  EXPECT_THAT(good.out, HasSubstr("issued by     CN=intermediate"));

  const std::string none = Write("root.crl", root.IssueRevocationList({}));
  const std::string lists = Write("leaf.crl", intermediate.IssueRevocationList({}));
  const std::string revoking =
      Write("revoking.crl", intermediate.IssueRevocationList({.serials_hex = {"01"}}));
  const auto with = [&](const std::vector<std::string>& files) {
    std::vector<std::string> arguments = {"endorsement",     leaf, "--roots", roots,
                                          "--intermediates", more, "-o",      "json"};
    for (const std::string& file : files) {
      arguments.insert(arguments.end(), {"--crl", file});
    }
    return Run(arguments);
  };
  EXPECT_EQ(with({none, lists}).code, 0) << with({none, lists}).out;
  EXPECT_EQ(with({none}).code, 1) << "a list is missing";
  const Result revoked = with({none, revoking});
  EXPECT_EQ(revoked.code, 1);
  EXPECT_EQ(revoked.json()["accepted"], false);
  EXPECT_EQ(revoked.json()["check"], "C10");
}

TEST_F(FileCommands, EndorsementSaysWhyItCannotReadAFile) {
  const Result garbage = Run({"endorsement", Write("x", "garbage"), "-o", "json"});
  EXPECT_EQ(garbage.code, 1) << garbage.err;
  EXPECT_EQ(garbage.json()["accepted"], false);
  EXPECT_EQ(Run({"endorsement", (folder_ / "missing").string()}).code, kExitUnusable);
  EXPECT_EQ(Run({"endorsement", Data("endorsement/st-ecc-p256.der"), "--roots",
                 Write("bad.pem", "no PEM")})
                .code,
            kExitUnusable);
}

}  // namespace
}  // namespace plimsoll::plugin
