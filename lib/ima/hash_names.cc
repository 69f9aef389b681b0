#include "ima/hash_names.h"

namespace plimsoll::ima {
namespace {

using tcg::AlgorithmId;

constexpr KernelHash kHashes[] = {
    {"sha256", 32, 4, AlgorithmId::kSha256},
    {"sha1", 20, 2, AlgorithmId::kSha1},
    {"sha384", 48, 5, AlgorithmId::kSha384},
    {"sha512", 64, 6, AlgorithmId::kSha512},
    {"md4", 16, 0, std::nullopt},
    {"md5", 16, 1, std::nullopt},
    {"rmd160", 20, 3, std::nullopt},
    {"sha224", 28, 7, std::nullopt},
    {"rmd128", 16, 8, std::nullopt},
    {"rmd256", 32, 9, std::nullopt},
    {"rmd320", 40, 10, std::nullopt},
    {"wp256", 32, 11, std::nullopt},
    {"wp384", 48, 12, std::nullopt},
    {"wp512", 64, 13, std::nullopt},
    {"tgr128", 16, 14, std::nullopt},
    {"tgr160", 20, 15, std::nullopt},
    {"tgr192", 24, 16, std::nullopt},
    {"sm3", 32, 17, std::nullopt},
    {"sm3-256", 32, 17, std::nullopt},  // its name before Linux 5.18
    {"streebog256", 32, 18, std::nullopt},
    {"streebog512", 64, 19, std::nullopt},
    {"sha3-256", 32, 20, std::nullopt},
    {"sha3-384", 48, 21, std::nullopt},
    {"sha3-512", 64, 22, std::nullopt},
};

}  // namespace

const KernelHash* HashByName(std::string_view name) {
  for (const KernelHash& hash : kHashes) {
    if (hash.name == name) {
      return &hash;
    }
  }
  return nullptr;
}

const KernelHash* HashByNumber(uint8_t number) {
  for (const KernelHash& hash : kHashes) {
    if (hash.number == number) {
      return &hash;
    }
  }
  return nullptr;
}

}  // namespace plimsoll::ima
