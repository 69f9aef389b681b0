#include "base/secret.h"

#include <gtest/gtest.h>

#include "base/result.h"

namespace plimsoll {
namespace {

TEST(Secret, MovesAndLeavesNothingBehind) {
  Secret from(Bytes{1, 2, 3});
  Secret to = std::move(from);
  EXPECT_EQ(from.size(), 0U);  // NOLINT(bugprone-use-after-move): what is left is the point
  EXPECT_EQ(ToBytes(to.bytes()), (Bytes{1, 2, 3}));
  static_assert(!std::is_copy_constructible_v<Secret> && !std::is_copy_assignable_v<Secret>);
}

TEST(Secret, IsOverwritten) {
  Bytes bytes = {1, 2, 3};
  Zeroise(bytes);
  EXPECT_EQ(bytes, Bytes(3));
}

Result<int> Half(int number) {
  if (number % 2 != 0) {
    return Fail(ErrorCode::kMalformed, "odd", Retry::kBackoff);
  }
  return number / 2;
}

Result<int> Quarter(int number) {
  PLIMSOLL_ASSIGN_OR_RETURN(const int half, Half(number));
  return Half(half);
}

TEST(Result, HandsErrorsUp) {
  EXPECT_EQ(Quarter(8).value(), 2);
  EXPECT_EQ(Quarter(5).error().retry, Retry::kBackoff);
  const Result<int> wrapped = Wrap("divide", Quarter(6).error());
  EXPECT_EQ(wrapped.error().message, "divide: odd");
  EXPECT_EQ(wrapped.error().code, ErrorCode::kMalformed);
}

}  // namespace
}  // namespace plimsoll
