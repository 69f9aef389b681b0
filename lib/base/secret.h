#pragma once

#include <utility>

#include "base/bytes.h"

namespace plimsoll {

// Overwrites memory in a way that the compiler may not leave out.
void Zeroise(std::span<uint8_t> bytes);

// Bytes that are overwritten when they go: seeds, credentials, tokens, private keys. Move-only, so
// that no copy is left behind.
class Secret {
 public:
  Secret() = default;
  explicit Secret(size_t size) : bytes_(size) {}
  explicit Secret(Bytes bytes) : bytes_(std::move(bytes)) {}
  Secret(Secret&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) {
      Zeroise(bytes_);
      bytes_ = std::exchange(other.bytes_, {});
    }
    return *this;
  }
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret() { Zeroise(bytes_); }

  ByteSpan bytes() const { return bytes_; }
  std::span<uint8_t> writable() { return bytes_; }
  size_t size() const { return bytes_.size(); }

 private:
  Bytes bytes_;
};

}  // namespace plimsoll
