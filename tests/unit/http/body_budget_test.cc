#include "http/body_budget.h"

#include <gtest/gtest.h>

#include <limits>
#include <utility>

namespace plimsoll::http {
namespace {

TEST(BodyBudget, HoldsTheTotalAndThePrincipalsShare) {
  BodyBudget budget(100, 60);
  auto first = budget.Reserve("a", 50);
  ASSERT_TRUE(first);
  EXPECT_FALSE(budget.Reserve("a", 20));
  auto second = budget.Reserve("b", 50);
  ASSERT_TRUE(second);
  EXPECT_FALSE(budget.Reserve("c", 1));
  first.reset();
  EXPECT_EQ(budget.reserved(), 50U);
  EXPECT_TRUE(budget.Reserve("a", 50));
}

TEST(BodyBudget, DoesNotWrapAround) {
  BodyBudget budget(100, 100);
  const auto held = budget.Reserve("a", 50);
  EXPECT_FALSE(budget.Reserve("a", std::numeric_limits<size_t>::max()));
}

TEST(BodyBudget, AMovedReservationIsReleasedOnce) {
  BodyBudget budget(100, 100);
  {
    auto first = budget.Reserve("a", 50);
    BodyBudget::Reservation second = *std::move(first);
    BodyBudget::Reservation third;
    third = std::move(second);
    EXPECT_EQ(budget.reserved(), 50U);
  }
  EXPECT_EQ(budget.reserved(), 0U);
}

}  // namespace
}  // namespace plimsoll::http
