#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace plimsoll::http {

// Memory for request bodies, of all requests together and of one principal. Thread-safe; must
// outlive its reservations.
class BodyBudget {
 public:
  // Memory that is held until this object goes. Move-only.
  class Reservation {
   public:
    Reservation() = default;
    Reservation(Reservation&& other) noexcept;
    Reservation& operator=(Reservation&& other) noexcept;
    ~Reservation();

   private:
    friend class BodyBudget;
    Reservation(BodyBudget* budget, std::string principal, size_t bytes)
        : budget_(budget), principal_(std::move(principal)), bytes_(bytes) {}

    BodyBudget* budget_ = nullptr;
    std::string principal_;
    size_t bytes_ = 0;
  };

  BodyBudget(size_t total, size_t per_principal) : total_(total), per_principal_(per_principal) {}

  // Nullopt when it would exceed one of the limits.
  std::optional<Reservation> Reserve(std::string_view principal, size_t bytes);

  size_t reserved() const;

 private:
  void Release(const std::string& principal, size_t bytes);

  const size_t total_;
  const size_t per_principal_;
  mutable std::mutex mutex_;
  size_t reserved_ = 0;
  std::map<std::string, size_t, std::less<>> by_principal_;
};

}  // namespace plimsoll::http
