#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "base/bytes.h"
#include "ima/allow_list.h"
#include "tcg/algorithm.h"

// Private to lib/ima: one line in the form that sha256sum writes.

namespace plimsoll::ima {

struct AllowListLine {
  tcg::AlgorithmId algorithm = tcg::AlgorithmId::kSha256;
  std::string_view hex;  // of the algorithm's length, in either case
  Subject subject = Subject::kFile;
  std::string_view name;  // without the prefix of the subject; escaped when `escaped`
  bool escaped = false;
};

// Reads a line without its newline, or says what is wrong with it.
tl::expected<AllowListLine, std::string> ReadAllowListLine(std::string_view line);

// The name of an escaped line, or what is wrong with it.
tl::expected<std::string, std::string> Unescape(std::string_view name);

}  // namespace plimsoll::ima
