#include "ima/entry_decoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <initializer_list>

#include "ima/hash_names.h"
#include "ima/text.h"

namespace plimsoll::ima {
namespace {

template <class T>
using Decoded = tl::expected<T, std::string>;

constexpr size_t kMaxTemplateNameBytes = 64;
constexpr size_t kMaxOldNameBytes = 255;  // IMA_EVENT_NAME_LEN_MAX, of the template `ima`
constexpr size_t kMaxFields = 5;

tl::unexpected<std::string> Wrong(std::string message) {
  return tl::unexpected<std::string>(std::move(message));
}

class LittleEndianReader {
 public:
  explicit LittleEndianReader(ByteSpan bytes) : rest_(bytes) {}

  Decoded<ByteSpan> Take(size_t size, std::string_view field) {
    if (size > rest_.size()) {
      return Wrong(fmt::format("{} of {} bytes, {} are left", field, size, rest_.size()));
    }
    const ByteSpan taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
  }

  Decoded<uint32_t> U32(std::string_view field) {
    const Decoded<ByteSpan> b = Take(4, field);
    if (!b) {
      return tl::unexpected(b.error());
    }
    return static_cast<uint32_t>((*b)[0]) | static_cast<uint32_t>((*b)[1]) << 8 |
           static_cast<uint32_t>((*b)[2]) << 16 | static_cast<uint32_t>((*b)[3]) << 24;
  }

  // A 32-bit size of at most `max`, then as many bytes.
  Decoded<ByteSpan> Sized(size_t max, std::string_view field) {
    PLIMSOLL_ASSIGN_OR_RETURN(const uint32_t size, U32(field));
    if (size > max) {
      return Wrong(fmt::format("{} of {} bytes, at most {} are allowed", field, size, max));
    }
    return Take(size, field);
  }

  size_t remaining() const { return rest_.size(); }

 private:
  ByteSpan rest_;
};

bool AllZero(ByteSpan bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](uint8_t byte) { return byte == 0; });
}

Decoded<Template> TemplateFromName(std::string_view name) {
  for (size_t i = 0; i < kTemplates; ++i) {
    const auto form = static_cast<Template>(i);
    if (ToString(form) == name) {
      return form;
    }
  }
  return Wrong(
      fmt::format("template \"{}\"; known are ima, ima-ng, ima-sig, ima-ngv2, ima-sigv2, ima-buf "
                  "and ima-modsig",
                  Escape(name, 80)));
}

// "sha256:", a zero byte, the digest; with a type in front ("ima:", "verity:") for `typed`.
Decoded<FileDigest> DecodeDigest(ByteSpan field, bool typed, bool violation) {
  const auto end = std::find(field.begin(), field.end(), uint8_t{0});
  const std::string_view prefix = AsText(field).substr(0, static_cast<size_t>(end - field.begin()));
  if (end == field.end() || prefix.empty() || prefix.back() != ':') {
    return Wrong("a digest without an algorithm in front");
  }
  FileDigest digest;
  digest.value = field.subspan(prefix.size() + 1);
  std::string_view name = prefix.substr(0, prefix.size() - 1);
  if (typed) {
    const size_t colon = name.find(':');
    const std::string_view type = name.substr(0, colon);
    if (colon == std::string_view::npos || (type != "ima" && type != "verity")) {
      return Wrong(
          fmt::format("a digest of the type \"{}\"; known are ima and verity", Escape(type, 40)));
    }
    digest.verity = type == "verity";
    name.remove_prefix(colon + 1);
  }
  const KernelHash* hash = HashByName(name);
  if (hash == nullptr) {
    return Wrong(fmt::format("the digest algorithm \"{}\" is unknown", Escape(name, 40)));
  }
  digest.name = hash->name;
  digest.algorithm = hash->algorithm;
  // Linux 5.19 to 6.4 name the default hash in a violation and write 20 zeros all the same.
  const bool short_violation = violation && digest.value.size() == kTemplateHashBytes;
  if (digest.value.size() != hash->size && !short_violation) {
    return Wrong(fmt::format("a {} digest of {} bytes, it has {}", hash->name, digest.value.size(),
                             hash->size));
  }
  if (violation && !AllZero(digest.value)) {
    return Wrong("a violation that has a digest");
  }
  return digest;
}

// A name with the zero byte that ends it.
Decoded<std::string_view> DecodeName(ByteSpan field) {
  const std::string_view text = AsText(field);
  if (text.empty() || text.back() != '\0') {
    return Wrong("a name without a zero byte at its end");
  }
  if (text.find('\0') != text.size() - 1) {
    return Wrong("a name with a zero byte in it");
  }
  if (text.size() - 1 > kMaxPathBytes) {
    return Wrong(
        fmt::format("a name of {} bytes, at most {} are allowed", text.size() - 1, kMaxPathBytes));
  }
  return text.substr(0, text.size() - 1);
}

// The template `ima` is older than fields with sizes: the digest is bare, the name has a size.
Decoded<Entry> DecodeOldForm(Entry entry, ByteSpan bytes) {
  LittleEndianReader reader(bytes);
  PLIMSOLL_ASSIGN_OR_RETURN(entry.digest.value, reader.Take(kTemplateHashBytes, "digest"));
  PLIMSOLL_ASSIGN_OR_RETURN(const ByteSpan name, reader.Sized(kMaxOldNameBytes, "name"));
  entry.digest.name = "sha1";
  entry.digest.algorithm = tcg::AlgorithmId::kSha1;
  entry.path = AsText(name);
  if (entry.path.find('\0') != std::string_view::npos) {
    return Wrong("a name with a zero byte in it");
  }
  if (entry.violation && !AllZero(entry.digest.value)) {
    return Wrong("a violation that has a digest");
  }
  entry.template_data = bytes.first(bytes.size() - reader.remaining());
  return entry;
}

size_t FieldsOf(Template form) {
  switch (form) {
    case Template::kIma:
    case Template::kImaNg:
    case Template::kImaNgV2:
      return 2;
    case Template::kImaSig:
    case Template::kImaSigV2:
    case Template::kImaBuf:
      return 3;
    case Template::kImaModsig:
      return 5;
  }
  return 0;
}

Decoded<Entry> DecodeFields(Entry entry) {
  LittleEndianReader reader(entry.template_data);
  std::array<ByteSpan, kMaxFields> fields;
  const size_t count = FieldsOf(entry.form);
  for (size_t i = 0; i < count; ++i) {
    PLIMSOLL_ASSIGN_OR_RETURN(fields[i], reader.Sized(entry.template_data.size(), "field"));
  }
  if (reader.remaining() != 0) {
    return Wrong(fmt::format("{} bytes behind the {} fields of {}", reader.remaining(), count,
                             ToString(entry.form)));
  }
  const bool typed = entry.form == Template::kImaNgV2 || entry.form == Template::kImaSigV2;
  PLIMSOLL_ASSIGN_OR_RETURN(entry.digest, DecodeDigest(fields[0], typed, entry.violation));
  PLIMSOLL_ASSIGN_OR_RETURN(entry.path, DecodeName(fields[1]));
  if (entry.form == Template::kImaBuf) {
    entry.buffer = fields[2];
    return entry;
  }
  entry.signature = fields[2];
  if (!fields[3].empty()) {
    PLIMSOLL_ASSIGN_OR_RETURN(entry.modsig_digest, DecodeDigest(fields[3], false, entry.violation));
  }
  entry.modsig = fields[4];
  return entry;
}

}  // namespace

tl::expected<DecodedEntry, std::string> DecodeEntry(ByteSpan bytes) {
  LittleEndianReader reader(bytes);
  Entry entry;
  PLIMSOLL_ASSIGN_OR_RETURN(entry.pcr, reader.U32("PCR"));
  if (entry.pcr > kMaxPcr) {
    return Wrong(fmt::format("PCR {}, the last one is {}", entry.pcr, kMaxPcr));
  }
  PLIMSOLL_ASSIGN_OR_RETURN(entry.template_hash, reader.Take(kTemplateHashBytes, "template hash"));
  entry.violation = AllZero(entry.template_hash);
  PLIMSOLL_ASSIGN_OR_RETURN(const ByteSpan name,
                            reader.Sized(kMaxTemplateNameBytes, "template name"));
  PLIMSOLL_ASSIGN_OR_RETURN(entry.form, TemplateFromName(AsText(name)));
  if (entry.form == Template::kIma) {
    PLIMSOLL_ASSIGN_OR_RETURN(Entry old, DecodeOldForm(entry, bytes.last(reader.remaining())));
    const size_t header = bytes.size() - reader.remaining();
    return DecodedEntry{old, header + old.template_data.size()};
  }
  PLIMSOLL_ASSIGN_OR_RETURN(entry.template_data, reader.Sized(kMaxListBytes, "template data"));
  PLIMSOLL_ASSIGN_OR_RETURN(Entry decoded, DecodeFields(entry));
  return DecodedEntry{decoded, bytes.size() - reader.remaining()};
}

}  // namespace plimsoll::ima
