#include "ima/measurement_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "ima/boot_aggregate.h"
#include "ima/entry_decoder.h"

namespace plimsoll::ima {

std::string_view ToString(Template form) {
  switch (form) {
    case Template::kIma:
      return "ima";
    case Template::kImaNg:
      return "ima-ng";
    case Template::kImaSig:
      return "ima-sig";
    case Template::kImaNgV2:
      return "ima-ngv2";
    case Template::kImaSigV2:
      return "ima-sigv2";
    case Template::kImaBuf:
      return "ima-buf";
    case Template::kImaModsig:
      return "ima-modsig";
  }
  return "";
}

tl::expected<List, Refusal> List::FromBinary(ByteSpan bytes) {
  if (bytes.size() > kMaxListBytes) {
    return tl::unexpected(Refusal{0, fmt::format("a list of {} bytes, at most {} are taken at once",
                                                 bytes.size(), kMaxListBytes)});
  }
  List list;
  list.bytes_ = bytes;
  size_t offset = 0;
  while (offset < bytes.size()) {
    const size_t index = list.offsets_.size();
    if (index == kMaxListEntries) {
      return tl::unexpected(
          Refusal{index, fmt::format("more than {} entries at once", kMaxListEntries)});
    }
    tl::expected<DecodedEntry, std::string> decoded = DecodeEntry(bytes.subspan(offset));
    if (!decoded) {
      return tl::unexpected(Refusal{index, std::move(decoded).error()});
    }
    list.offsets_.push_back(static_cast<uint32_t>(offset));
    offset += decoded->size;
  }
  return list;
}

tl::expected<List, Refusal> List::FromFile(ByteSpan bytes) {
  const ByteSpan head = bytes.first(std::min<size_t>(bytes.size(), 4));
  return std::find(head.begin(), head.end(), uint8_t{0}) != head.end() ? FromBinary(bytes)
                                                                       : FromAscii(AsText(bytes));
}

Entry List::operator[](size_t index) const {
  const tl::expected<DecodedEntry, std::string> decoded =
      DecodeEntry(bytes_.subspan(offsets_.at(index)));
  if (!decoded) {
    std::abort();  // it was read when the list was made
  }
  return decoded->entry;
}

Summary Summarize(const List& list) {
  Summary summary;
  summary.entries = list.size();
  for (size_t i = 0; i < list.size(); ++i) {
    const Entry entry = list[i];
    summary.violations += entry.violation ? 1 : 0;
    ++summary.by_template[static_cast<size_t>(entry.form)];
    ++summary.by_pcr[entry.pcr];
    if (i == 0 && IsBootAggregate(entry)) {
      summary.boot_aggregate = ToBytes(entry.digest.value);
    }
  }
  return summary;
}

}  // namespace plimsoll::ima
