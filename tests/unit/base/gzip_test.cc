#include "base/gzip.h"

#include <gtest/gtest.h>
#include <zlib.h>

namespace plimsoll {
namespace {

Bytes Gzip(const std::string& text) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string input = text;
  Bytes output(deflateBound(&stream, input.size()));
  stream.next_in = reinterpret_cast<Bytef*>(input.data());
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = output.data();
  stream.avail_out = static_cast<uInt>(output.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  output.resize(stream.total_out);
  deflateEnd(&stream);
  return output;
}

TEST(Gzip, GivesBackTheText) {
  std::string text;
  for (int line = 0; line < 20'000; ++line) {
    text += "line " + std::to_string(line) + "\n";
  }
  const Bytes packed = Gzip(text);
  EXPECT_TRUE(IsGzip(packed));
  EXPECT_EQ(*Gunzip(packed, text.size()), text);
  EXPECT_EQ(*Gunzip(Gzip(""), 0), "");
}

TEST(Gzip, AFewBytesCannotFillTheMemory) {
  const Bytes bomb = Gzip(std::string(50'000'000, 'a'));
  ASSERT_LT(bomb.size(), 100'000U);
  EXPECT_EQ(Gunzip(bomb, 1'000'000).error().code, ErrorCode::kTooLarge);
}

TEST(Gzip, RefusesWhatIsDamagedCutShortOrFollowedByMore) {
  const Bytes good = Gzip("all of this text must come back as it was");
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(Gunzip(ByteSpan(good).first(size), 1000)) << size;
  }
  Bytes longer = good;
  longer.push_back(0);
  EXPECT_FALSE(Gunzip(longer, 1000));
  Bytes damaged = good;
  damaged[good.size() - 6] ^= 1U;  // in the checksum
  EXPECT_FALSE(Gunzip(damaged, 1000));
  EXPECT_FALSE(IsGzip(AsBytes("plain")));
}

}  // namespace
}  // namespace plimsoll
