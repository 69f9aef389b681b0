#include "ima/measurement_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/ima/list_builder.h"

namespace plimsoll::ima {
namespace {

using ::testing::HasSubstr;

std::string WhyRefused(const Bytes& bytes, size_t entry = 0) {
  const auto list = List::FromBinary(bytes);
  if (list) {
    return "taken";
  }
  EXPECT_EQ(list.error().entry, entry);
  return list.error().message;
}

TEST(MeasurementList, I03_ReadsEveryKnownTemplate) {
  const Bytes digest = Sha256("contents");
  const Bytes signature = {3, 2, 4, 1, 2, 3, 4, 0, 1, 9};
  const std::vector<Made> made = {
      OldForm("/old", Bytes(20, 7)),
      File("/ng", "contents"),
      MakeEntry("ima-sig", {DigestField("sha256", digest), NameField("/sig"), signature}),
      MakeEntry("ima-ngv2", {DigestField("ima:sha256", digest), NameField("/ngv2")}),
      MakeEntry("ima-sigv2",
                {DigestField("verity:sha256", digest), NameField("/sigv2"), signature}),
      Buffer("kexec-cmdline", "quiet"),
      MakeEntry("ima-modsig", {DigestField("sha256", digest), NameField("/mod"), signature,
                               DigestField("sha1", Bytes(20, 5)), Bytes{0x30, 0x00}}),
  };
  const Bytes bytes = Listed(made);
  const auto list = List::FromBinary(bytes);
  ASSERT_TRUE(list) << list.error().message;
  ASSERT_EQ(list->size(), made.size());

  EXPECT_EQ((*list)[0].form, Template::kIma);
  EXPECT_EQ((*list)[0].path, "/old");
  EXPECT_EQ(ToBytes((*list)[0].digest.value), Bytes(20, 7));
  EXPECT_EQ((*list)[0].digest.algorithm, AlgorithmId::kSha1);
  EXPECT_EQ((*list)[1].path, "/ng");
  EXPECT_EQ((*list)[1].digest.name, "sha256");
  EXPECT_EQ(ToBytes((*list)[1].digest.value), digest);
  EXPECT_EQ(ToBytes((*list)[2].signature), signature);
  EXPECT_FALSE((*list)[3].digest.verity);
  EXPECT_TRUE((*list)[4].digest.verity);
  EXPECT_EQ(AsText((*list)[5].buffer), "quiet");
  EXPECT_TRUE((*list)[5].signature.empty());
  EXPECT_EQ((*list)[6].modsig_digest->algorithm, AlgorithmId::kSha1);
  EXPECT_EQ(ToBytes((*list)[6].modsig), (Bytes{0x30, 0x00}));
  for (size_t i = 0; i < made.size(); ++i) {
    EXPECT_EQ((*list)[i].form, static_cast<Template>(i));
    EXPECT_EQ((*list)[i].pcr, 10U);
    EXPECT_FALSE((*list)[i].violation);
  }
}

TEST(MeasurementList, I03_RefusesATemplateThatIsNotKnown) {
  for (const std::string_view form : {"d-ng|n-ng", "evm-sig", "ima-", "", "ima-ngx", "IMA-NG"}) {
    const Made made = MakeEntry(form, {DigestField("sha256", Bytes(32, 1)), NameField("/file")});
    EXPECT_THAT(WhyRefused(Listed({File("/a", "a"), made}), 1), HasSubstr("template \""));
  }
}

TEST(MeasurementList, I03_RefusesAnAlgorithmThatIsNotKnown) {
  for (const std::string_view name : {"unknown", "SHA256", "sha257", "", "ima:sha256"}) {
    const Made made = MakeEntry("ima-ng", {DigestField(name, Bytes(32, 1)), NameField("/file")});
    EXPECT_THAT(WhyRefused(made.listed), HasSubstr("digest algorithm")) << name;
  }
  const Made typed =
      MakeEntry("ima-ngv2", {DigestField("evm:sha256", Bytes(32, 1)), NameField("/file")});
  EXPECT_THAT(WhyRefused(typed.listed), HasSubstr("type \"evm\""));
  const Made untyped =
      MakeEntry("ima-ngv2", {DigestField("sha256", Bytes(32, 1)), NameField("/file")});
  EXPECT_THAT(WhyRefused(untyped.listed), HasSubstr("type \"sha256\""));
}

TEST(MeasurementList, I03_RefusesADigestOfAnotherLengthThanItsAlgorithms) {
  for (const size_t size : {0U, 20U, 31U, 33U, 64U}) {
    const Made made =
        MakeEntry("ima-ng", {DigestField("sha256", Bytes(size, 1)), NameField("/file")});
    EXPECT_THAT(WhyRefused(made.listed), HasSubstr("it has 32")) << size;
  }
  const Made module = MakeEntry("ima-modsig", {DigestField("sha256", Bytes(32, 1)),
                                               NameField("/m"),
                                               {},
                                               DigestField("sha256", Bytes(20, 1)),
                                               {}});
  EXPECT_THAT(WhyRefused(module.listed), HasSubstr("it has 32"));
}

TEST(MeasurementList, I03_TakesAnAlgorithmOfTheKernelThatNoRuleCanName) {
  const Made made = MakeEntry("ima-ng", {DigestField("sm3", Bytes(32, 1)), NameField("/file")});
  const auto list = List::FromBinary(made.listed);
  ASSERT_TRUE(list) << list.error().message;
  EXPECT_EQ((*list)[0].digest.name, "sm3");
  EXPECT_FALSE((*list)[0].digest.algorithm);
}

TEST(MeasurementList, I03_RefusesADigestWithoutItsAlgorithmInFront) {
  for (const Bytes& field : {Bytes{}, Bytes(32, 1), Join({Text("sha256"), Bytes{0}, Bytes(32, 1)}),
                             Join({Bytes{0}, Bytes(32, 1)}), Text("sha256:")}) {
    const Made made = MakeEntry("ima-ng", {field, NameField("/file")});
    EXPECT_NE(WhyRefused(made.listed), "taken");
  }
}

TEST(MeasurementList, I03_RefusesANameThatDoesNotEndWhereItsFieldEnds) {
  const Bytes digest = DigestField("sha256", Bytes(32, 1));
  EXPECT_THAT(WhyRefused(MakeEntry("ima-ng", {digest, Text("/file")}).listed),
              HasSubstr("without a zero byte"));
  EXPECT_THAT(WhyRefused(MakeEntry("ima-ng", {digest, {}}).listed),
              HasSubstr("without a zero byte"));
  EXPECT_THAT(WhyRefused(MakeEntry("ima-ng", {digest, Join({NameField("/file"), {0}})}).listed),
              HasSubstr("zero byte in it"));
  EXPECT_THAT(
      WhyRefused(MakeEntry("ima-ng", {digest, Join({Text("/a"), {0}, NameField("b")})}).listed),
      HasSubstr("zero byte in it"));
  Made old = OldForm(std::string_view("/a\0b", 4), Bytes(20, 1));
  EXPECT_THAT(WhyRefused(old.listed), HasSubstr("zero byte in it"));
}

TEST(MeasurementList, I03_RefusesOneFieldTooManyOrTooFew) {
  const Bytes digest = DigestField("sha256", Bytes(32, 1));
  const Bytes name = NameField("/file");
  EXPECT_THAT(WhyRefused(MakeEntry("ima-ng", {digest, name, Bytes{1}}).listed),
              HasSubstr("5 bytes behind the 2 fields of ima-ng"));
  EXPECT_THAT(WhyRefused(MakeEntry("ima-sig", {digest, name}).listed), HasSubstr("field"));
  EXPECT_THAT(WhyRefused(MakeEntry("ima-modsig", {digest, name, {}, {}}).listed),
              HasSubstr("field"));
}

TEST(MeasurementList, I03_RefusesLengthsBeyondTheBytesThatAreThere) {
  const Bytes entry = File("/file", "contents").listed;
  const size_t at_name = 4 + 20;
  const size_t at_data = at_name + 4 + 6;
  for (const size_t at : {at_name, at_data, at_data + 4}) {
    for (const Bytes& length :
         {Bytes{0xFF, 0xFF, 0xFF, 0xFF}, Bytes{0, 0, 0, 0x80}, Bytes{0xFF, 0xFF, 0, 0}}) {
      Bytes bad = entry;
      std::copy(length.begin(), length.end(), bad.begin() + static_cast<ptrdiff_t>(at));
      EXPECT_NE(WhyRefused(bad), "taken") << at;
    }
  }
}

TEST(MeasurementList, I03_RefusesAListThatIsCutInsideAnEntry) {
  const Bytes whole = Listed({OldForm("/old", Bytes(20, 7)), Buffer("name", "contents")});
  const size_t first = OldForm("/old", Bytes(20, 7)).listed.size();
  for (size_t size = 1; size < whole.size(); ++size) {
    const auto list = List::FromBinary(ByteSpan(whole).first(size));
    EXPECT_EQ(list.has_value(), size == first) << size;
  }
}

TEST(MeasurementList, I03_RefusesNamesThatNoKernelWrites) {
  EXPECT_EQ(WhyRefused(File(std::string(4096, 'a'), "a").listed), "taken");
  EXPECT_THAT(WhyRefused(File(std::string(4097, 'a'), "a").listed), HasSubstr("at most 4096"));
  EXPECT_EQ(WhyRefused(OldForm(std::string(255, 'a'), Bytes(20, 1)).listed), "taken");
  EXPECT_THAT(WhyRefused(OldForm(std::string(256, 'a'), Bytes(20, 1)).listed),
              HasSubstr("at most 255"));
}

TEST(MeasurementList, I05_RefusesAPcrThatNoTpmHas) {
  EXPECT_EQ(WhyRefused(File("/a", "a", 31).listed), "taken");
  EXPECT_THAT(WhyRefused(File("/a", "a", 32).listed), HasSubstr("PCR 32"));
}

TEST(MeasurementList, I03_HoldsToItsLimits) {
  EXPECT_THAT(WhyRefused(Bytes(kMaxListBytes + 1)), HasSubstr("at most 8388608"));
  const Bytes entry = OldForm("/a", Bytes(20, 1)).listed;
  Bytes many;
  for (size_t i = 0; i < kMaxListEntries; ++i) {
    Append(many, entry);
  }
  EXPECT_EQ(WhyRefused(many), "taken");
  Append(many, entry);
  EXPECT_THAT(WhyRefused(many, kMaxListEntries), HasSubstr("more than 100000"));
}

TEST(MeasurementList, I04_KnowsAViolationByItsZeroTemplateHash) {
  const Bytes bytes = Listed({ViolationOf("/log"), ViolationOf("/log", 20), File("/a", "a")});
  const auto list = List::FromBinary(bytes);
  ASSERT_TRUE(list) << list.error().message;
  EXPECT_TRUE((*list)[0].violation);
  EXPECT_TRUE((*list)[1].violation) << "Linux 5.19 to 6.4 write 20 zeros for any hash";
  EXPECT_FALSE((*list)[2].violation);
  EXPECT_NE(WhyRefused(ViolationOf("/log", 21).listed), "taken");
}

TEST(MeasurementList, I04_RefusesAViolationThatClaimsADigest) {
  const Made made =
      MakeEntry("ima-ng", {DigestField("sha256", Sha256("a")), NameField("/a")}, 10, true);
  EXPECT_THAT(WhyRefused(made.listed), HasSubstr("violation that has a digest"));
  Made old = OldForm("/a", Bytes(20, 1));
  std::fill(old.listed.begin() + 4, old.listed.begin() + 24, uint8_t{0});
  EXPECT_THAT(WhyRefused(old.listed), HasSubstr("violation that has a digest"));
}

TEST(MeasurementList, HasNoEntriesWhenThereAreNoBytes) {
  const auto list = List::FromFile({});
  ASSERT_TRUE(list);
  EXPECT_TRUE(list->empty());
}

TEST(MeasurementList, SummarisesWhatItHolds) {
  const Bytes bytes = Listed({File("boot_aggregate", "x"), ViolationOf("/log"), Buffer("n", "b"),
                              File("/other", "o", 11)});
  const auto list = List::FromFile(bytes);
  ASSERT_TRUE(list);
  const Summary summary = Summarize(*list);
  EXPECT_EQ(summary.entries, 4U);
  EXPECT_EQ(summary.violations, 1U);
  EXPECT_EQ(summary.by_template[static_cast<size_t>(Template::kImaNg)], 3U);
  EXPECT_EQ(summary.by_template[static_cast<size_t>(Template::kImaBuf)], 1U);
  EXPECT_EQ(summary.by_pcr[10], 3U);
  EXPECT_EQ(summary.by_pcr[11], 1U);
  EXPECT_EQ(summary.boot_aggregate, Sha256("x"));
}

}  // namespace
}  // namespace plimsoll::ima
