#include <cstdint>
#include <cstdlib>

#include "base/encoding.h"
#include "ima/allow_list.h"
#include "ima/exclude.h"

// IMA allow-lists. The first byte chooses: even a list, odd an exclude pattern and, behind a zero
// byte, the name to match.
namespace {

using namespace plimsoll;  // NOLINT: a program of one file

void Pattern(std::string_view text) {
  const size_t end = text.find('\0');
  const std::string pattern(text.substr(0, end));
  const auto compiled = ima::ExcludePatterns::Compile({&pattern, 1});
  if (compiled && end != std::string_view::npos) {
    (void)compiled->Matches(text.substr(end + 1));
  }
}

void List(std::string_view text) {
  const auto list = ima::AllowList::Parse(text);
  if (!list) {
    return;
  }
  // Every plain line of a list that was taken is in it.
  size_t lines = 0;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(line.size() == text.size() ? line.size() : line.size() + 1);
    if (line.empty() || line[0] == '#') {
      continue;
    }
    ++lines;
    if (line.size() < 66 || line[64] != ' ' || line[0] == '\\' ||
        line.substr(66).starts_with("buf:") || line.substr(66).starts_with("verity:")) {
      continue;
    }
    const Result<Bytes> digest = FromHex(line.substr(0, 64));
    if (digest &&
        !list->Contains(ima::Subject::kFile, tcg::AlgorithmId::kSha256, *digest, line.substr(66))) {
      std::abort();
    }
    if (digest) {
      (void)list->Closest(ima::Subject::kFile, tcg::AlgorithmId::kSha256, *digest, "/other");
      (void)list->Closest(ima::Subject::kFile, tcg::AlgorithmId::kSha256, Bytes(32),
                          line.substr(66));
    }
  }
  if (list->size() > lines) {
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) {
    return 0;
  }
  const std::string_view text = AsText(ByteSpan(data + 1, size - 1));
  if (data[0] % 2 == 0) {
    List(text);
  } else {
    Pattern(text);
  }
  return 0;
}
