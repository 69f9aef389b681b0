#include "mutation/mutator.h"

#include <algorithm>
#include <array>
#include <cstdlib>

namespace plimsoll::fakes {
namespace {

constexpr double kQuickMutants = 4000;
constexpr std::array<uint8_t, 6> kTelling = {0x00, 0x01, 0x7F, 0x80, 0xFE, 0xFF};

}  // namespace

Bytes Mutator::Mutate(ByteSpan good, ByteSpan donor) {
  Bytes bytes = ToBytes(good);
  // One change is the likeliest to pass unseen.
  const size_t changes = Below(4) != 0 ? 1 : 2 + Below(2);
  for (size_t i = 0; i < changes; ++i) {
    Change(bytes, donor);
  }
  return bytes;
}

void Mutator::Change(Bytes& bytes, ByteSpan donor) {
  if (bytes.empty()) {
    bytes.push_back(static_cast<uint8_t>(random_()));
    return;
  }
  const size_t at = Below(bytes.size());
  const auto here = bytes.begin() + static_cast<std::ptrdiff_t>(at);
  const size_t room = bytes.size() - at;
  // Short pieces more often than long ones.
  const size_t size = 1 + Below(Below(2) == 0 ? std::min<size_t>(room, 8) : room);
  const auto end = here + static_cast<std::ptrdiff_t>(size);
  switch (Below(10)) {
    case 0:
    case 1:
    case 2:
      *here = static_cast<uint8_t>(*here ^ (1U << Below(8)));
      break;
    case 3:
      *here = kTelling[Below(kTelling.size())];
      break;
    case 4:
      bytes.erase(end, bytes.end());  // cut behind
      break;
    case 5:
      bytes.erase(here, end);  // cut out
      break;
    case 6: {
      const Bytes piece(here, end);  // doubled in place
      bytes.insert(end, piece.begin(), piece.end());
      break;
    }
    case 7:
      std::rotate(here, here + static_cast<std::ptrdiff_t>(size / 2), end);  // moved
      break;
    case 8: {
      const Bytes piece(size, static_cast<uint8_t>(random_()));  // overwritten
      std::copy(piece.begin(), piece.end(), here);
      break;
    }
    default: {
      const ByteSpan from = donor.empty() ? ByteSpan(bytes) : donor;
      const size_t start = Below(from.size());
      const Bytes piece = ToBytes(from.subspan(start, std::min(size, from.size() - start)));
      if (Below(2) == 0) {
        bytes.insert(here, piece.begin(), piece.end());
      } else {
        std::copy_n(piece.begin(), std::min(piece.size(), room), here);
      }
    }
  }
}

size_t Mutants(double share) {
  const char* const wanted = std::getenv("PLIMSOLL_MUTATIONS");
  const double all = wanted != nullptr ? std::atof(wanted) : kQuickMutants;
  return std::max<size_t>(1, static_cast<size_t>(all * share));
}

}  // namespace plimsoll::fakes
