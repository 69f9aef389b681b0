#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/encoding.h"
#include "crypto/digest.h"
#include "tcg/algorithm.h"

// Writes measurement lists as the kernel does (ima_fs.c, ima_template_lib.c), and what a TPM's PCRs
// hold after them, with code of its own.
namespace plimsoll::ima {

using tcg::AlgorithmId;

inline Bytes Le32(size_t value) {
  return {static_cast<uint8_t>(value), static_cast<uint8_t>(value >> 8),
          static_cast<uint8_t>(value >> 16), static_cast<uint8_t>(value >> 24)};
}

inline Bytes Join(std::initializer_list<Bytes> parts) {
  Bytes all;
  for (const Bytes& part : parts) {
    Append(all, part);
  }
  return all;
}

inline Bytes Text(std::string_view text) { return ToBytes(AsBytes(text)); }
inline Bytes Sized(const Bytes& bytes) { return Join({Le32(bytes.size()), bytes}); }
inline Bytes Sha256(std::string_view text) {
  return crypto::Digest(AlgorithmId::kSha256, {AsBytes(text)});
}

// "sha256:", zero, digest.
inline Bytes DigestField(std::string_view algorithm, const Bytes& digest) {
  return Join({Text(algorithm), Text(":"), Bytes{0}, digest});
}
inline Bytes NameField(std::string_view name) { return Join({Text(name), Bytes{0}}); }

struct Made {
  uint32_t pcr = 10;
  Bytes hashed;  // what the template hash is over
  Bytes listed;  // all of the entry
  bool violation = false;
};

inline Bytes Header(uint32_t pcr, const Bytes& hash, std::string_view form) {
  return Join({Le32(pcr), hash, Sized(Text(form))});
}

// An entry of any template but `ima`, of any fields.
inline Made MakeEntry(std::string_view form, std::initializer_list<Bytes> fields, uint32_t pcr = 10,
                      bool violation = false) {
  Made made{.pcr = pcr, .hashed = {}, .listed = {}, .violation = violation};
  for (const Bytes& field : fields) {
    Append(made.hashed, Sized(field));
  }
  const Bytes hash = violation ? Bytes(20) : crypto::Digest(AlgorithmId::kSha1, {made.hashed});
  made.listed = Join({Header(pcr, hash, form), Sized(made.hashed)});
  return made;
}

inline Made File(std::string_view path, std::string_view contents, uint32_t pcr = 10) {
  return MakeEntry("ima-ng", {DigestField("sha256", Sha256(contents)), NameField(path)}, pcr);
}

inline Made ViolationOf(std::string_view path, size_t digest_bytes = 32) {
  return MakeEntry("ima-ng", {DigestField("sha256", Bytes(digest_bytes)), NameField(path)}, 10,
                   true);
}

inline Made Buffer(std::string_view name, std::string_view contents) {
  return MakeEntry("ima-buf",
                   {DigestField("sha256", Sha256(contents)), NameField(name), Text(contents)});
}

inline Made OldForm(std::string_view path, const Bytes& sha1) {
  Made made;
  made.hashed = Join({sha1, Text(path), Bytes(256 - path.size())});
  made.listed = Join({Header(10, crypto::Digest(AlgorithmId::kSha1, {made.hashed}), "ima"), sha1,
                      Sized(Text(path))});
  return made;
}

inline Bytes Listed(const std::vector<Made>& entries) {
  Bytes list;
  for (const Made& made : entries) {
    Append(list, made.listed);
  }
  return list;
}

// The PCR of a machine that measured the first `count` of these.
inline Bytes PcrAfter(const std::vector<Made>& entries, AlgorithmId bank = AlgorithmId::kSha256,
                      size_t count = SIZE_MAX, uint32_t pcr = 10) {
  Bytes value(tcg::DigestSize(bank));
  for (size_t i = 0; i < entries.size() && i < count; ++i) {
    if (entries[i].pcr != pcr) {
      continue;
    }
    const Bytes extended = entries[i].violation ? Bytes(value.size(), 0xFF)
                                                : crypto::Digest(bank, {entries[i].hashed});
    value = crypto::Digest(bank, {value, extended});
  }
  return value;
}

}  // namespace plimsoll::ima
