#include "http/body_budget.h"

#include <utility>

namespace plimsoll::http {

BodyBudget::Reservation::Reservation(Reservation&& other) noexcept
    : budget_(std::exchange(other.budget_, nullptr)),
      principal_(std::move(other.principal_)),
      bytes_(other.bytes_) {}

BodyBudget::Reservation& BodyBudget::Reservation::operator=(Reservation&& other) noexcept {
  std::swap(budget_, other.budget_);
  std::swap(principal_, other.principal_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

BodyBudget::Reservation::~Reservation() {
  if (budget_ != nullptr) {
    budget_->Release(principal_, bytes_);
  }
}

std::optional<BodyBudget::Reservation> BodyBudget::Reserve(std::string_view principal,
                                                           size_t bytes) {
  const std::lock_guard lock(mutex_);
  const auto found = by_principal_.find(principal);
  const size_t held = found == by_principal_.end() ? 0 : found->second;
  if (bytes > total_ - reserved_ || held > per_principal_ || bytes > per_principal_ - held) {
    return std::nullopt;
  }
  reserved_ += bytes;
  if (found == by_principal_.end()) {
    by_principal_.emplace(principal, bytes);
  } else {
    found->second += bytes;
  }
  return Reservation(this, std::string(principal), bytes);
}

size_t BodyBudget::reserved() const {
  const std::lock_guard lock(mutex_);
  return reserved_;
}

void BodyBudget::Release(const std::string& principal, size_t bytes) {
  const std::lock_guard lock(mutex_);
  reserved_ -= bytes;
  const auto found = by_principal_.find(principal);
  found->second -= bytes;
  if (found->second == 0) {
    by_principal_.erase(found);
  }
}

}  // namespace plimsoll::http
