#pragma once

#include <cstddef>
#include <string>
#include <tl/expected.hpp>

#include "base/bytes.h"
#include "ima/measurement_list.h"

// Private to lib/ima: one entry of a binary list.

namespace plimsoll::ima {

struct DecodedEntry {
  Entry entry;
  size_t size = 0;  // bytes that it takes in the list
};

// The entry at the start of `bytes`, or a sentence about what is wrong with it. No allocation but
// for that sentence.
tl::expected<DecodedEntry, std::string> DecodeEntry(ByteSpan bytes);

}  // namespace plimsoll::ima
