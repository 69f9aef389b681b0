#pragma once

#include <cstdio>
#include <cstdlib>

namespace plimsoll::fuzz {

// What must hold for every input. A fuzzer sees a broken promise as it sees a crash.
inline void Expect(bool holds, const char* promise) {
  if (!holds) {
    std::fprintf(stderr, "BROKEN PROMISE: %s\n", promise);
    std::abort();
  }
}

}  // namespace plimsoll::fuzz
