#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace plimsoll::fakes {

// The contents of a file below tests/data; the test fails when there is none.
inline std::string ReadTestText(std::string_view path) {
  std::ifstream file(std::string(PLIMSOLL_SOURCE_DIR "/tests/data/").append(path),
                     std::ios::binary);
  EXPECT_TRUE(file.is_open()) << path;
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

inline Bytes ReadTestData(std::string_view path) { return ToBytes(AsBytes(ReadTestText(path))); }

}  // namespace plimsoll::fakes
