#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "tcg/algorithm.h"

// Private to lib/ima: the hashes that Linux may name in a list or a signature.

namespace plimsoll::ima {

struct KernelHash {
  std::string_view name;  // hash_algo_name (crypto/hash_info.c)
  size_t size;
  uint8_t number;  // enum hash_algo (include/uapi/linux/hash_info.h)
  std::optional<tcg::AlgorithmId> algorithm;
};

const KernelHash* HashByName(std::string_view name);  // nullptr for an unknown one
const KernelHash* HashByNumber(uint8_t number);

}  // namespace plimsoll::ima
