#include "base/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <limits>
#include <memory>

namespace plimsoll {
namespace {

constexpr int kGzipWindow = 15 + 16;  // the largest window; gzip and nothing else
constexpr size_t kChunk = size_t{64} * 1024;

}  // namespace

bool IsGzip(ByteSpan bytes) { return bytes.size() >= 2 && bytes[0] == 0x1F && bytes[1] == 0x8B; }

Result<std::string> Gunzip(ByteSpan bytes, size_t max_bytes) {
  if (bytes.size() > std::numeric_limits<uInt>::max()) {
    return Fail(ErrorCode::kTooLarge, "gzip data of more than 4 GiB");
  }
  z_stream stream{};
  if (inflateInit2(&stream, kGzipWindow) != Z_OK) {
    return Fail(ErrorCode::kInternal, "zlib cannot be initialised");
  }
  const std::unique_ptr<z_stream, int (*)(z_stream*)> end(&stream, inflateEnd);
  Bytes input = ToBytes(bytes);  // zlib's interface wants it writable
  stream.next_in = input.data();
  stream.avail_in = static_cast<uInt>(input.size());
  std::string text;
  for (;;) {
    const size_t before = text.size();
    const size_t room = std::min(kChunk, max_bytes + 1 - before);
    text.resize(before + room);
    stream.next_out = reinterpret_cast<Bytef*>(text.data() + before);
    stream.avail_out = static_cast<uInt>(room);
    const int outcome = inflate(&stream, Z_NO_FLUSH);
    text.resize(before + room - stream.avail_out);
    if (text.size() > max_bytes) {
      return Fail(ErrorCode::kTooLarge,
                  "gzip data that unpacks to more than " + std::to_string(max_bytes) + " bytes");
    }
    if (outcome == Z_STREAM_END) {
      break;
    }
    if (outcome != Z_OK || (stream.avail_in == 0 && stream.avail_out != 0)) {
      return Fail(ErrorCode::kMalformed, "gzip data that is damaged or ends early");
    }
  }
  if (stream.avail_in != 0) {
    return Fail(ErrorCode::kMalformed, "more bytes behind the gzip data");
  }
  return text;
}

}  // namespace plimsoll
