#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "base/bytes.h"
#include "tcg/algorithm.h"

// lib/ima reads what the kernel's Integrity Measurement Architecture measured since boot: the list,
// its replay to PCR 10, the boot aggregate, and whether what was measured is accepted. It knows no
// evidence, no policy objects and no cluster. What it says is "loaded since boot", never "running
// now" (I14), and only about what the node's own IMA policy chose to measure (I13).

namespace plimsoll::ima {

inline constexpr size_t kMaxListBytes = 8 * 1024 * 1024;  // of one chunk
inline constexpr size_t kMaxListEntries = 100'000;        // of one chunk
inline constexpr size_t kMaxPathBytes = 4096;             // the kernel's PATH_MAX
inline constexpr size_t kTemplateHashBytes = 20;          // SHA-1 in every list
inline constexpr uint32_t kDefaultPcr = 10;
inline constexpr uint32_t kMaxPcr = 31;

// Why a list was refused as a whole.
struct Refusal {
  size_t entry = 0;     // index within the list that was given, from 0
  std::string message;  // a sentence for people, without the index; foreign bytes are escaped
};

// The templates of Linux up to 6.x that a list may use (I3). Formats that an administrator made up
// ("d-ng|n-ng") and evm-sig are refused.
enum class Template : uint8_t {
  kIma,        // SHA-1 digest, name cut at 255 bytes
  kImaNg,      // digest with algorithm, name
  kImaSig,     // and signature
  kImaNgV2,    // as ima-ng; the digest says whether it is one of the contents or of fs-verity
  kImaSigV2,   // and signature
  kImaBuf,     // digest of a buffer, its name, the buffer: keys, kexec command line, critical data
  kImaModsig,  // as ima-sig, then the digest without the appended signature, and that signature
};
inline constexpr size_t kTemplates = 7;

std::string_view ToString(Template form);

struct FileDigest {
  std::string_view name;                      // the kernel's name of the algorithm: "sha256"
  std::optional<tcg::AlgorithmId> algorithm;  // nullopt for one that no rule can name (md5, sm3)
  ByteSpan value;                             // of the algorithm's length, see Entry::violation
  bool verity = false;                        // fs-verity's digest, not one of the contents
};

// One measurement. All views point into the list.
//
// The template hash covers template_data, hence everything below it. A violation covers nothing:
// of such an entry the path is no more than a hint, and digests mean nothing.
struct Entry {
  uint32_t pcr = 0;
  ByteSpan template_hash;  // SHA-1 of HashedBytes; all zeros for a violation
  Template form = Template::kIma;
  ByteSpan template_data;  // as listed; what is hashed of it: see HashedBytes
  bool violation = false;  // the file was written while it was measured or open (I4)

  FileDigest digest;      // in a violation all zeros, of the algorithm's length or 20 bytes
  std::string_view path;  // raw bytes without the final NUL; the kernel turned spaces into '_' (I9)
  ByteSpan signature;     // security.ima; empty when there is none
  std::optional<FileDigest> modsig_digest;
  ByteSpan modsig;  // PKCS#7
  ByteSpan buffer;  // ima-buf
};

// A measurement list, or one chunk of it, that has been checked from end to end: whole entries,
// known templates, exact field counts and sizes, known digest algorithms of the right length (I3).
// It proves nothing until it was replayed.
//
// Compact: entries are decoded when they are asked for. Immutable, safe to share between threads.
class List {
 public:
  // What /sys/kernel/security/ima/binary_runtime_measurements holds, little endian. A view: `bytes`
  // must outlive the list and its entries. No bytes are a list without entries.
  static tl::expected<List, Refusal> FromBinary(ByteSpan bytes);

  // What .../ascii_runtime_measurements holds; the list owns what it makes of it. Strict: one space
  // between fields, lower-case hex, a newline after each entry. The ASCII form cannot express a
  // name with a newline; a list that has one is refused here or fails its replay, so that no entry
  // is invented or lost (I9). Prefer the binary form (I1).
  static tl::expected<List, Refusal> FromAscii(std::string_view text);

  // Whichever of the two this is: a binary list has a zero in its first four bytes.
  static tl::expected<List, Refusal> FromFile(ByteSpan bytes);

  List(List&&) noexcept = default;
  List& operator=(List&&) noexcept = default;

  size_t size() const { return offsets_.size(); }
  bool empty() const { return offsets_.empty(); }

  // The entry with this index, below size(). Cheap: no allocation.
  Entry operator[](size_t index) const;

 private:
  List() = default;

  Bytes owned_;  // of an ASCII list: its binary form
  ByteSpan bytes_;
  std::vector<uint32_t> offsets_;
};

// What a list holds, for people; no judgement.
struct Summary {
  size_t entries = 0;
  size_t violations = 0;
  size_t by_template[kTemplates] = {};                            // index: Template
  std::vector<size_t> by_pcr = std::vector<size_t>(kMaxPcr + 1);  // index: PCR, kMaxPcr + 1 of them
  std::optional<Bytes> boot_aggregate;  // digest of the first entry, when it is one
};
Summary Summarize(const List& list);

}  // namespace plimsoll::ima
