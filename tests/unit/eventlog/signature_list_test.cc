#include "eventlog/signature_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "read_log.h"

// B4.
namespace plimsoll::eventlog {
namespace {

using ::testing::HasSubstr;

Bytes HashList(ByteSpan header = {}) {
  return fakes::SignatureList(fakes::kSha256ListGuid, {Bytes(32, 1), Bytes(32, 2)}, header);
}

// The list with a 32-bit field of its header changed: 16 list size, 20 header size, 24 entry size.
Bytes With(Bytes list, size_t offset, uint32_t value) {
  for (size_t i = 0; i < 4; ++i) {
    list[offset + i] = static_cast<uint8_t>(value >> (8 * i));
  }
  return list;
}

TEST(SignatureListChecks, B04_ReadsListsOfSeveralKinds) {
  Bytes bytes = HashList();
  Append(bytes, fakes::SignatureList(fakes::kCertificateListGuid, {fakes::FakeCertificate(5)}));
  Bytes revoked(48, 3);
  Append(bytes, fakes::SignatureList("3bd2a492-96c0-4079-b420-fcf98ef103ed", {revoked}));
  const auto entries = ParseSignatureLists(bytes);
  ASSERT_TRUE(entries.has_value()) << entries.error().message;
  ASSERT_EQ(entries->size(), 4U);
  EXPECT_EQ((*entries)[1].value, Bytes(32, 2));
  EXPECT_EQ((*entries)[2].kind, SignatureKind::kCertificate);
  EXPECT_EQ((*entries)[2].value, crypto::Digest(kSha256, {fakes::FakeCertificate(5)}));
  EXPECT_EQ((*entries)[3].kind, SignatureKind::kTbsSha256);
  EXPECT_EQ((*entries)[3].value, Bytes(32, 3));
  EXPECT_EQ(ParseSignatureLists({})->size(), 0U);
}

TEST(SignatureListChecks, B04_RefusesAListShorterThanItsHeader) {
  for (const uint32_t size : {0U, 1U, 27U}) {
    EXPECT_THAT(ParseSignatureLists(With(HashList(), 16, size)).error().message,
                HasSubstr("calls itself"));
  }
  EXPECT_FALSE(ParseSignatureLists(ByteSpan(HashList()).first(27)));
}

TEST(SignatureListChecks, B04_RefusesAListLongerThanWhatIsLeft) {
  const Bytes list = HashList();
  const auto size = static_cast<uint32_t>(list.size());
  for (const uint32_t longer : {size + 1, size + 48, 0xFFFFFFFFU}) {
    EXPECT_THAT(ParseSignatureLists(With(list, 16, longer)).error().message,
                HasSubstr("calls itself"));
  }
}

TEST(SignatureListChecks, B04_RefusesAnEntrySizeThatIsZeroOrDoesNotFit) {
  for (const uint32_t size : {0U, 1U, 15U, 16U, 47U, 49U, 96U, 0xFFFFFFFFU}) {
    EXPECT_THAT(ParseSignatureLists(With(HashList(), 24, size)).error().message,
                HasSubstr("do not fit"))
        << size;
  }
}

TEST(SignatureListChecks, B04_RefusesCertificatesOfNoByteAndOnesThatDoNotFillTheList) {
  const Bytes list =
      fakes::SignatureList(fakes::kCertificateListGuid, {fakes::FakeCertificate(5, 48)});
  EXPECT_TRUE(ParseSignatureLists(list));
  for (const uint32_t size : {0U, 8U, 16U, 60U, 0xFFFFFFF0U}) {
    EXPECT_FALSE(ParseSignatureLists(With(list, 24, size))) << size;
  }
}

TEST(SignatureListChecks, B04_RefusesEntriesThatDoNotFillTheList) {
  Bytes list = HashList();
  list.resize(list.size() + 1);
  EXPECT_THAT(
      ParseSignatureLists(With(list, 16, static_cast<uint32_t>(list.size()))).error().message,
      HasSubstr("do not fit"));
}

TEST(SignatureListChecks, B04_BytesOfTheSignatureHeaderAreNeverEntries) {
  const auto entries = ParseSignatureLists(HashList(Bytes(48, 0xEE)));
  ASSERT_TRUE(entries.has_value()) << entries.error().message;
  ASSERT_EQ(entries->size(), 2U);
  for (const SignatureEntry& entry : *entries) {
    EXPECT_NE(entry.value, Bytes(32, 0xEE));
  }
}

TEST(SignatureListChecks, B04_RefusesASignatureHeaderThatRunsOverTheList) {
  for (const uint32_t size : {97U, 0x7FFFFFFFU, 0xFFFFFFFFU}) {
    EXPECT_THAT(ParseSignatureLists(With(HashList(), 20, size)).error().message,
                HasSubstr("signature header"));
  }
}

TEST(SignatureListChecks, B04_RefusesATypeThatIsNotKnown) {
  Bytes list = HashList();
  list[3] ^= 1U;
  EXPECT_THAT(ParseSignatureLists(list).error().message, HasSubstr("not known"));
}

TEST(SignatureListChecks, B04_RefusesMoreEntriesThanItKeeps) {
  const std::vector<Bytes> many(kMaxSignatureEntries, Bytes(32, 1));
  Bytes list = fakes::SignatureList(fakes::kSha256ListGuid, many);
  EXPECT_EQ(ParseSignatureLists(list)->size(), kMaxSignatureEntries);
  Append(list, HashList());
  EXPECT_EQ(ParseSignatureLists(list).error().code, ErrorCode::kTooLarge);
}

TEST(SignatureListChecks, B04_AListWithoutEntriesIsEmpty) {
  const auto entries = ParseSignatureLists(fakes::SignatureList(fakes::kSha256ListGuid, {}));
  ASSERT_TRUE(entries.has_value());
  EXPECT_TRUE(entries->empty());
}

TEST(GuidText, IsWrittenAsPeopleWriteIt) {
  const Guid guid = GuidFromText(fakes::kGlobalGuid);
  EXPECT_EQ(guid.bytes[0], 0x61);
  EXPECT_EQ(ToString(guid), fakes::kGlobalGuid);
  for (const std::string_view text :
       {"", "8be4df61", "8be4df61-93ca-11d2-aa0d-00e098032b8",
        "8be4df61-93ca-11d2-aa0d-00e098032b8cc", "8be4df61-93ca-11d2-aa0d000e098032b8c"}) {
    EXPECT_EQ(GuidFromText(text), Guid{}) << text;
  }
}

}  // namespace
}  // namespace plimsoll::eventlog
