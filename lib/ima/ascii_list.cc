#include <fmt/format.h>

#include <charconv>

#include "base/encoding.h"
#include "ima/measurement_list.h"
#include "ima/text.h"

// The ASCII form of a list, turned into the binary one, so that one decoder judges both.

namespace plimsoll::ima {
namespace {

constexpr size_t kMaxAsciiBytes = 3 * kMaxListBytes;  // hex takes twice the bytes
constexpr size_t kMaxDigestBytes = 64;

using Message = std::string;
using Written = tl::expected<void, Message>;

tl::unexpected<Message> Wrong(Message message) {
  return tl::unexpected<Message>(std::move(message));
}

void PutU32(Bytes& to, size_t value) {
  for (unsigned shift = 0; shift < 32; shift += 8) {
    to.push_back(static_cast<uint8_t>(value >> shift));
  }
}

void PutSized(Bytes& to, ByteSpan bytes) {
  PutU32(to, bytes.size());
  Append(to, bytes);
}

tl::expected<Bytes, Message> Hex(std::string_view text, std::string_view field) {
  Result<Bytes> bytes = FromHex(text);
  if (!bytes) {
    return Wrong(fmt::format("{} is not lower-case hex: \"{}\"", field, Escape(text, 80)));
  }
  return *std::move(bytes);
}

// "sha256:HEX" or "ima:sha256:HEX": the prefix ends with the last colon.
tl::expected<Bytes, Message> Digest(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || text.size() - colon - 1 > 2 * kMaxDigestBytes) {
    return Wrong(fmt::format("\"{}\" is no digest with an algorithm in front", Escape(text, 80)));
  }
  PLIMSOLL_ASSIGN_OR_RETURN(const Bytes value, Hex(text.substr(colon + 1), "the digest"));
  Bytes field = ToBytes(AsBytes(text.substr(0, colon + 1)));
  field.push_back(0);
  Append(field, value);
  return field;
}

// A line in pieces; the next one ends at a space, the last one at the end of the line.
class Fields {
 public:
  explicit Fields(std::string_view line) : rest_(line) {}

  tl::expected<std::string_view, Message> Next(std::string_view field) {
    if (!open_) {
      return Wrong(fmt::format("the line ends before its {}", field));
    }
    const size_t space = rest_.find(' ');
    const std::string_view next = rest_.substr(0, space);
    open_ = space != std::string_view::npos;
    rest_.remove_prefix(open_ ? space + 1 : rest_.size());
    return next;
  }

  Written ExpectEnd() const {
    if (open_) {
      return Wrong("more fields than the template has; the kernel writes no space in a name");
    }
    return {};
  }

 private:
  std::string_view rest_;
  bool open_ = true;
};

tl::expected<uint32_t, Message> Pcr(std::string_view text) {
  uint32_t pcr = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), pcr);
  if (error != std::errc() || end != text.data() + text.size()) {
    return Wrong(
        fmt::format("the line begins with \"{}\" and not with a PCR; a file name with a newline "
                    "cannot be told apart in an ASCII list, use the binary one",
                    Escape(text, 40)));
  }
  return pcr;
}

Written PutFields(Bytes& to, Fields& fields, std::string_view form) {
  PLIMSOLL_ASSIGN_OR_RETURN(const std::string_view digest, fields.Next("digest"));
  if (form == ToString(Template::kIma)) {
    PLIMSOLL_ASSIGN_OR_RETURN(const Bytes bare, Hex(digest, "the digest"));
    if (bare.size() != kTemplateHashBytes) {
      return Wrong(fmt::format("a digest of {} bytes, the template ima has {}", bare.size(),
                               kTemplateHashBytes));
    }
    Append(to, bare);
    PLIMSOLL_ASSIGN_OR_RETURN(const std::string_view name, fields.Next("name"));
    PutSized(to, AsBytes(name));
    return fields.ExpectEnd();
  }
  Bytes data;
  PLIMSOLL_ASSIGN_OR_RETURN(const Bytes prefixed, Digest(digest));
  PutSized(data, prefixed);
  PLIMSOLL_ASSIGN_OR_RETURN(const std::string_view name, fields.Next("name"));
  PutU32(data, name.size() + 1);
  Append(data, AsBytes(name));
  data.push_back(0);
  const bool modsig = form == ToString(Template::kImaModsig);
  if (modsig || form == ToString(Template::kImaSig) || form == ToString(Template::kImaSigV2) ||
      form == ToString(Template::kImaBuf)) {
    PLIMSOLL_ASSIGN_OR_RETURN(const std::string_view text, fields.Next("third field"));
    PLIMSOLL_ASSIGN_OR_RETURN(const Bytes value, Hex(text, "the third field"));
    PutSized(data, value);
  }
  if (modsig) {
    PLIMSOLL_ASSIGN_OR_RETURN(const std::string_view text, fields.Next("module digest"));
    Bytes module_digest;
    if (!text.empty()) {
      PLIMSOLL_ASSIGN_OR_RETURN(module_digest, Digest(text));
    }
    PutSized(data, module_digest);
    PLIMSOLL_ASSIGN_OR_RETURN(const std::string_view appended, fields.Next("module signature"));
    PLIMSOLL_ASSIGN_OR_RETURN(const Bytes value, Hex(appended, "the module signature"));
    PutSized(data, value);
  }
  PutSized(to, data);
  return fields.ExpectEnd();
}

Written PutLine(Bytes& to, std::string_view line) {
  if (line.starts_with(' ')) {
    line.remove_prefix(1);  // a PCR of one digit is printed in two columns
  }
  Fields fields(line);
  PLIMSOLL_ASSIGN_OR_RETURN(const std::string_view number, fields.Next("PCR"));
  PLIMSOLL_ASSIGN_OR_RETURN(const uint32_t pcr, Pcr(number));
  PLIMSOLL_ASSIGN_OR_RETURN(const std::string_view hex, fields.Next("template hash"));
  PLIMSOLL_ASSIGN_OR_RETURN(const Bytes hash, Hex(hex, "the template hash"));
  if (hash.size() != kTemplateHashBytes) {
    return Wrong(fmt::format("a template hash of {} bytes, a list has SHA-1 of {}", hash.size(),
                             kTemplateHashBytes));
  }
  PLIMSOLL_ASSIGN_OR_RETURN(const std::string_view form, fields.Next("template name"));
  PutU32(to, pcr);
  Append(to, hash);
  PutSized(to, AsBytes(form));
  return PutFields(to, fields, form);
}

}  // namespace

tl::expected<List, Refusal> List::FromAscii(std::string_view text) {
  if (text.size() > kMaxAsciiBytes) {
    return tl::unexpected(Refusal{0, fmt::format("a list of {} bytes, at most {} are taken at once",
                                                 text.size(), kMaxAsciiBytes)});
  }
  Bytes binary;
  for (size_t entry = 0; !text.empty(); ++entry) {
    const size_t end = text.find('\n');
    if (end == std::string_view::npos) {
      return tl::unexpected(Refusal{entry, "the last line does not end"});
    }
    if (Written written = PutLine(binary, text.substr(0, end)); !written) {
      return tl::unexpected(Refusal{entry, std::move(written).error()});
    }
    if (entry == kMaxListEntries || binary.size() > kMaxListBytes) {
      return tl::unexpected(Refusal{entry, fmt::format("more than {} entries or {} bytes at once",
                                                       kMaxListEntries, kMaxListBytes)});
    }
    text.remove_prefix(end + 1);
  }
  tl::expected<List, Refusal> list = FromBinary(binary);
  if (list) {
    list->owned_ = std::move(binary);  // the bytes stay where they are
  }
  return list;
}

}  // namespace plimsoll::ima
