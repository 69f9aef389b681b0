#pragma once

#include <cstddef>
#include <cstdint>
#include <random>

#include "base/bytes.h"

namespace plimsoll::fakes {

// Spoils bytes: flips bits, sets bytes, cuts, doubles, moves, splices. The same seed gives the same
// mutants everywhere.
class Mutator {
 public:
  explicit Mutator(uint64_t seed) : random_(seed) {}

  // One to three changes of `good`; parts of `donor`, which may be empty, are spliced in. Now and
  // then the result is `good` itself.
  Bytes Mutate(ByteSpan good, ByteSpan donor = {});

  // Below `limit`, which is not 0.
  size_t Below(size_t limit) { return static_cast<size_t>(random_() % limit); }

 private:
  void Change(Bytes& bytes, ByteSpan donor);

  std::mt19937_64 random_;
};

// How many mutants a test makes that is given `share` of all: PLIMSOLL_MUTATIONS mutants when that
// is set in the environment, else few enough for a quick look.
size_t Mutants(double share);

}  // namespace plimsoll::fakes
