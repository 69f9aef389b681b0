#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "ima/measurement_list.h"

namespace plimsoll::ima {

inline constexpr size_t kMaxAllowListBytes = 32 * 1024 * 1024;  // of text, less than 800,000 lines

// What a line of a list accepts. The three never stand for one another (I12).
enum class Subject : uint8_t {
  kFile,    // "HEX  /path": the digest of a file's contents
  kVerity,  // "HEX  verity:/path": the fs-verity digest of a file
  kBuffer,  // "HEX  buf:name": the digest of a buffer (ima-buf), such as buf:kexec-cmdline
};

// Accepted pairs of digest and name, in the form that sha256sum writes.
//
// A line is "HEX  NAME" or "HEX *NAME"; the length of HEX says whether it is SHA-1, SHA-256,
// SHA-384 or SHA-512. A line that begins with '\' has "\\", "\n" and "\r" escaped in its name.
// Empty lines and lines that begin with '#' are skipped. Names are compared byte by byte (I9): the
// kernel writes '_' for each space, so a file "/a b" has to be listed as "/a_b", which then also
// stands for a file of that name.
//
// Exact: full digests and full names are kept, no fingerprints. Digests lie sorted in one array per
// algorithm with a prefix index; names are stored once, sorted and front-coded. 100,000 files below
// the /usr of a Debian machine take 59 bytes each, where their text takes 137.
// Immutable, safe to share between threads.
class AllowList {
 public:
  class Builder;

  // From one text. Fails with kMalformed and the line's number, or with kTooLarge.
  static Result<AllowList> Parse(std::string_view text);

  AllowList(AllowList&&) noexcept;
  AllowList& operator=(AllowList&&) noexcept;
  ~AllowList();

  // Whether this very pair is in the list. `digest` of another length than the algorithm's is not.
  bool Contains(Subject subject, tcg::AlgorithmId algorithm, ByteSpan digest,
                std::string_view name) const;

  // What comes nearest to a pair that is not in the list, as a half sentence for people: the same
  // name with another digest, the same digest by another name; "" when there is neither. Slow.
  std::string Closest(Subject subject, tcg::AlgorithmId algorithm, ByteSpan digest,
                      std::string_view name) const;

  size_t size() const;          // pairs
  size_t memory_bytes() const;  // that the list holds

 private:
  struct State;
  explicit AllowList(std::unique_ptr<const State> state);

  std::unique_ptr<const State> state_;
};

// Joins several texts into one list. Not thread-safe.
class AllowList::Builder {
 public:
  Builder();
  ~Builder();

  // Reads a text, which must stay valid until Build. Errors begin with "origin:line: ". After an
  // error the builder is of no further use. Limits hold for all texts together.
  Status Add(std::string_view text, std::string_view origin);

  AllowList Build() &&;

 private:
  struct Pending;
  std::unique_ptr<Pending> pending_;
};

}  // namespace plimsoll::ima
