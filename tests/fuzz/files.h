#pragma once

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include "base/bytes.h"

namespace plimsoll::fuzz {

// A file of the source tree, by its path in it. Ends the process when it cannot be read.
inline std::string SourceFile(const std::string& path) {
  std::ifstream file(std::string(PLIMSOLL_SOURCE_DIR) + "/" + path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (text.empty()) {
    std::fprintf(stderr, "cannot read %s\n", path.c_str());
    std::abort();
  }
  return text;
}

}  // namespace plimsoll::fuzz
