#include "http/connection_table.h"

#include <gtest/gtest.h>

namespace plimsoll::http {
namespace {

class ConnectionTableTest : public ::testing::Test {
 protected:
  ConnectionTableTest() {
    limits_.max_connections = 4;
    limits_.max_unauthenticated_per_source = 4;
  }

  void Fill(ConnectionId from, ConnectionId to) {
    for (ConnectionId id = from; id <= to; ++id) {
      EXPECT_FALSE(table_.Add(id, "10.0.0.1")) << id;
    }
  }
  void ExpectEvicted(ConnectionId newcomer, ConnectionId evicted, DropReason reason) {
    const auto eviction = table_.Add(newcomer, "10.0.0.9");
    ASSERT_TRUE(eviction);
    EXPECT_EQ(eviction->id, evicted);
    EXPECT_EQ(eviction->reason, reason);
    table_.Remove(evicted);
  }

  ServerLimits limits_;
  ConnectionTable table_{limits_};
};

TEST_F(ConnectionTableTest, TheOldestUnauthenticatedGoesFirst) {
  Fill(1, 4);
  table_.SetAuthenticated(1);
  ExpectEvicted(5, 2, DropReason::kEvicted);
  ExpectEvicted(6, 3, DropReason::kEvicted);
  EXPECT_EQ(table_.size(), 4U);
}

TEST_F(ConnectionTableTest, ThenTheLongestIdle) {
  Fill(1, 4);
  for (ConnectionId id = 1; id <= 4; ++id) {
    table_.SetAuthenticated(id);
  }
  table_.SetIdle(3);
  table_.SetIdle(1);
  table_.SetIdle(2);
  table_.SetBusy(3);
  table_.SetIdle(3);
  ExpectEvicted(5, 1, DropReason::kEvicted);
  table_.SetAuthenticated(5);
  ExpectEvicted(6, 2, DropReason::kEvicted);
  table_.SetAuthenticated(6);
  ExpectEvicted(7, 3, DropReason::kEvicted);
}

TEST_F(ConnectionTableTest, WhenAllAreBeingServedTheNewcomerGoes) {
  Fill(1, 4);
  for (ConnectionId id = 1; id <= 4; ++id) {
    table_.SetAuthenticated(id);
  }
  ExpectEvicted(5, 5, DropReason::kEvicted);
  EXPECT_FALSE(table_.Evictable());
}

TEST_F(ConnectionTableTest, ASourceHasItsShareOnlyAboveHalfOfTheCap) {
  limits_.max_connections = 100;
  limits_.max_unauthenticated_per_source = 2;
  Fill(1, 50);
  const auto eviction = table_.Add(51, "10.0.0.1");
  ASSERT_TRUE(eviction);
  EXPECT_EQ(eviction->id, 1U);
  EXPECT_EQ(eviction->reason, DropReason::kSourceLimit);
  EXPECT_FALSE(table_.Add(52, "10.0.0.2"));
}

TEST_F(ConnectionTableTest, AuthenticatedConnectionsDoNotCountForTheirSource) {
  limits_.max_connections = 4;
  limits_.max_unauthenticated_per_source = 1;
  Fill(1, 1);
  table_.SetAuthenticated(1);
  Fill(2, 2);
  table_.SetAuthenticated(2);
  EXPECT_FALSE(table_.Add(3, "10.0.0.1"));
}

TEST_F(ConnectionTableTest, ForgetsWhoIsGone) {
  Fill(1, 4);
  table_.SetAuthenticated(2);
  table_.SetIdle(2);
  for (ConnectionId id = 1; id <= 4; ++id) {
    table_.Remove(id);
    table_.Remove(id);
  }
  EXPECT_EQ(table_.size(), 0U);
  EXPECT_EQ(table_.unauthenticated(), 0U);
  EXPECT_FALSE(table_.Evictable());
}

}  // namespace
}  // namespace plimsoll::http
