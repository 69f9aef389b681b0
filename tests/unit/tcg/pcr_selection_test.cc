#include "tcg/pcr_selection.h"

#include <gtest/gtest.h>

#include "base/encoding.h"

namespace plimsoll::tcg {
namespace {

Result<PcrSelection> Parse(std::string_view hex) {
  const Bytes bytes = FromHex(hex).value();
  Reader reader(bytes);
  return PcrSelection::Parse(reader);
}

TEST(PcrSelection, Q12_ReadsBanksInTheirOrder) {
  const auto selection = Parse(
      "00000002"
      "000c03800000"
      "000b03010080");
  ASSERT_TRUE(selection);
  EXPECT_EQ(selection->ToText(), "sha384:7+sha256:0,23");
  EXPECT_EQ(selection->PcrCount(), 3U);
  EXPECT_TRUE(selection->Contains(AlgorithmId::kSha256, 23));
  EXPECT_FALSE(selection->Contains(AlgorithmId::kSha256, 7));
  EXPECT_FALSE(selection->Contains(AlgorithmId::kSha1, 0));
  EXPECT_FALSE(selection->HasEmptyBank());
}

TEST(PcrSelection, Q12_ComparesSetsPerBank) {
  const auto asked = PcrSelection::FromText("sha256:0,7+sha384:1").value();
  EXPECT_EQ(asked, PcrSelection::FromText("sha384:1+sha256:0,7").value());
  EXPECT_EQ(asked, Parse("00000002"
                         "000b0181"
                         "000c0402000000")
                       .value());
  for (const char* other :
       {"sha256:0,7", "sha256:0,7+sha384:2", "sha256:0+sha384:1", "sha384:0,7+sha256:1",
        "sha256:0,7+sha384:1+sha1:1", "sha256:0,7+sha384:1+sha1:", ""}) {
    EXPECT_FALSE(asked == PcrSelection::FromText(other).value()) << other;
  }
}

TEST(PcrSelection, Q13_KnowsAnEmptyBank) {
  EXPECT_TRUE(Parse("00000001"
                    "000c03000000")
                  .value()
                  .HasEmptyBank());
  EXPECT_TRUE(Parse("00000000").value().HasEmptyBank());
  EXPECT_TRUE(PcrSelection::FromText("sha256:1+sha384:").value().HasEmptyBank());
}

TEST(PcrSelection, Q12_RefusesMalformedLists) {
  const std::pair<const char*, const char*> cases[] = {
      {"sizeofSelect 0",
       "00000001"
       "000b00"},
      {"sizeofSelect 5",
       "00000001"
       "000b050000000000"},
      {"unknown hash",
       "00000001"
       "001203000000"},
      {"not a hash",
       "00000001"
       "000103000000"},
      {"bank twice",
       "00000002"
       "000b03010000"
       "000b03020000"},
      {"count larger than the list",
       "00000002"
       "000b03010000"},
      {"seventeen banks", "00000011"},
      {"as many banks as fit in 32 bits", "ffffffff"},
      {"no bits",
       "00000001"
       "000b03"},
      {"short bits",
       "00000001"
       "000b030100"},
      {"no count", "000000"},
  };
  for (const auto& [what, hex] : cases) {
    const auto selection = Parse(hex);
    ASSERT_FALSE(selection) << what;
    EXPECT_EQ(selection.error().code, ErrorCode::kMalformed) << what;
  }
}

TEST(PcrSelection, MarshalsWithThreeBytesOrFour) {
  for (const char* text : {"", "sha256:0,1,2", "sha256:", "sha1:23+sha512:0", "sha384:31"}) {
    const auto selection = PcrSelection::FromText(text).value();
    Writer writer;
    selection.Marshal(writer);
    EXPECT_EQ(Parse(ToHex(writer.bytes())).value(), selection) << text;
  }
  Writer writer;
  PcrSelection::FromText("sha256:0,9,23+sha384:24").value().Marshal(writer);
  EXPECT_EQ(ToHex(writer.bytes()),
            "00000002"
            "000b03010280"
            "000c0400000001");
}

TEST(PcrSelection, TextHasOneSpelling) {
  for (const char* text :
       {"sha256", ":0", "sha256:0,", "sha256:,0", "sha256:00", "sha256:01", "sha256:1,0",
        "sha256:0,0", "sha256:32", "sha256:4294967296", "sha256:-1", "sha256: 0", "+", "sha256:0+",
        "sha256:0+sha256:1", "sha3:0", "sha256:0;1", "sha256:0x1"}) {
    EXPECT_EQ(PcrSelection::FromText(text).error().code, ErrorCode::kMalformed) << text;
  }
}

TEST(PcrSelection, CannotBeMadeOfWhatIsNoBank) {
  EXPECT_FALSE(PcrSelection::Create({{AlgorithmId::kRsa, 1}}));
  EXPECT_FALSE(PcrSelection::Create({{AlgorithmId::kSha1, 1}, {AlgorithmId::kSha1, 2}}));
  EXPECT_FALSE(PcrSelection::Create(std::vector<PcrBank>(17, {AlgorithmId::kSha1, 1})));
  const std::vector<uint32_t> twice = {3, 3};
  const std::vector<uint32_t> high = {32};
  EXPECT_FALSE(MakePcrBank(AlgorithmId::kSha1, twice));
  EXPECT_FALSE(MakePcrBank(AlgorithmId::kSha1, high));
  EXPECT_FALSE(MakePcrBank(AlgorithmId::kNull, {}));
}

}  // namespace
}  // namespace plimsoll::tcg
