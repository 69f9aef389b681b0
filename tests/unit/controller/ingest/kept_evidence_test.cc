#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/ingest/kept_evidence_route.h"
#include "fakes/attested_node.h"
#include "ingest_world.h"

// The last evidence of nodes: how it is kept, and who gets it.
namespace plimsoll::controller::ingest {
namespace {

constexpr char kAuditor[] = "system:serviceaccount:plimsoll-system:plimsoll-auditor";

evidence::BundleFrame FrameOf(const fakes::AttestedNode& node, const std::string& name) {
  evidence::BundleFrame frame;
  frame.node_name = name;
  frame.node_uid = node.node_uid;
  frame.attestation_key = node.tpm.ak().MarshalPublic();
  frame.expected = node.nonce;
  frame.selection = node.selection;
  return frame;
}

class KeptEvidence : public ::testing::Test {
 protected:
  static constexpr size_t kLog = 100'000;

  // Evidence of about kLog bytes.
  evidence::Evidence LargeEvidence(uint8_t fill = 1) const {
    evidence::Evidence evidence = node.Evidence();
    evidence.boot_event_log = Bytes(kLog, fill);
    return evidence;
  }

  fakes::AttestedNode node;
};

TEST_F(KeptEvidence, IsABundleThatCanBeReadAgain) {
  EvidenceKeeper keeper(1'000'000);
  const evidence::Evidence evidence = LargeEvidence();
  keeper.Keep(FrameOf(node, "worker-1"), evidence);
  const auto bundle = keeper.BundleOf("worker-1");
  ASSERT_TRUE(bundle);
  const auto read = evidence::BundleDocument::Parse(*bundle);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->frame().node_name, "worker-1");
  EXPECT_EQ(std::get<evidence::Nonce>(read->frame().expected), node.nonce);
  const auto decoded = read->DecodeEvidence();
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(decoded->boot_event_log, evidence.boot_event_log);
  EXPECT_FALSE(keeper.BundleOf("worker-2"));
}

TEST_F(KeptEvidence, OnlyTheLastOfANodeIsKept) {
  EvidenceKeeper keeper(1'000'000);
  keeper.Keep(FrameOf(node, "worker-1"), LargeEvidence(1));
  const size_t once = keeper.bytes();
  EXPECT_GT(once, kLog);
  keeper.Keep(FrameOf(node, "worker-1"), LargeEvidence(2));
  EXPECT_EQ(keeper.bytes(), once);
  const auto read = evidence::BundleDocument::Parse(*keeper.BundleOf("worker-1"));
  EXPECT_EQ(read->DecodeEvidence()->boot_event_log, Bytes(kLog, 2));
}

TEST_F(KeptEvidence, WhatWasUsedLongestAgoGoesBeforeTheMemoryIsExceeded) {
  EvidenceKeeper keeper(3 * kLog + 50'000);
  for (const char* name : {"a", "b", "c"}) {
    keeper.Keep(FrameOf(node, name), LargeEvidence());
  }
  EXPECT_TRUE(keeper.BundleOf("a")) << "which makes it the last one used";
  keeper.Keep(FrameOf(node, "d"), LargeEvidence());
  EXPECT_LE(keeper.bytes(), 3 * kLog + 50'000);
  EXPECT_TRUE(keeper.BundleOf("a"));
  EXPECT_FALSE(keeper.BundleOf("b"));
  EXPECT_TRUE(keeper.BundleOf("c"));
  EXPECT_TRUE(keeper.BundleOf("d"));
}

TEST_F(KeptEvidence, WhatIsTooLargeIsNotKeptAndLeavesNothingOlder) {
  EvidenceKeeper keeper(50'000);
  keeper.Keep(FrameOf(node, "a"), node.Evidence());
  keeper.Keep(FrameOf(node, "b"), node.Evidence());
  keeper.Keep(FrameOf(node, "a"), LargeEvidence());
  EXPECT_FALSE(keeper.BundleOf("a")) << "older evidence must not look like the last";
  EXPECT_TRUE(keeper.BundleOf("b"));
  EvidenceKeeper none(0);
  none.Keep(FrameOf(node, "a"), node.Evidence());
  EXPECT_FALSE(none.BundleOf("a"));
  EXPECT_EQ(none.bytes(), 0U);
}

class KeptEvidenceRouteTest : public KeptEvidence {
 protected:
  http::Response Get(const std::string& path, const std::optional<std::string>& token,
                     bool suspect = false) {
    const auto found = router.Find(http::Method::kGet, path);
    const auto* match = std::get_if<http::Router::Match>(&found);
    if (match == nullptr) {
      return http::ProblemResponse(404, "NotFound", "no route");
    }
    EXPECT_EQ(match->route->access, http::Access::kAuthenticated);
    http::Request request;
    request.path = path;
    request.realm = match->route->realm;
    request.parameters = match->parameters;
    request.plimsoll_token = token;
    request.source_is_suspect = suspect;
    const auto principal = authenticator.Authenticate(request);
    if (!principal) {
      return principal.error().response;
    }
    request.principal = *principal;
    return match->route->handler(request);
  }
  std::string AuditorToken() {
    return world.MakeToken({.username = kAuditor, .bound_to_node = false});
  }

  IngestWorld world;
  EvidenceKeeper keeper{1'000'000};
  AuditorAuthenticator authenticator{world.reviewer, world.logger, world.clock, kAuditor};
  http::Router router = *http::Router::Create({KeptEvidenceRoute(keeper)});
};

TEST_F(KeptEvidenceRouteTest, GivesTheBundleToTheAuditor) {
  keeper.Keep(FrameOf(node, "worker-1"), node.Evidence());
  const http::Response response = Get("/evidence/worker-1", AuditorToken());
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, *keeper.BundleOf("worker-1"));
}

TEST_F(KeptEvidenceRouteTest, SaysWhenItKeepsNone) {
  const http::Response response = Get("/evidence/worker-1", AuditorToken());
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(ReasonIn(response), "EvidenceNotKept");
}

TEST_F(KeptEvidenceRouteTest, NobodyElseIsLetIn) {
  keeper.Keep(FrameOf(node, "worker-1"), node.Evidence());
  const auto status = [&](const std::optional<std::string>& token) {
    return Get("/evidence/worker-1", token).status;
  };
  EXPECT_EQ(status(std::nullopt), 401);
  EXPECT_EQ(status("x"), 401);
  EXPECT_EQ(status(AuditorToken() + "x"), 401);
  EXPECT_EQ(status(world.MakeToken({})), 403) << "an agent";
  EXPECT_EQ(status(world.MakeToken({.username = "system:serviceaccount:other:plimsoll-auditor"})),
            403);
  EXPECT_EQ(status(world.MakeToken({.username = kAuditor, .audience = "other"})), 401);
  http::RequestHead head;
  head.realm = "agent";
  head.plimsoll_token = AuditorToken();
  EXPECT_FALSE(authenticator.Authenticate(head)) << "of another realm";
}

TEST_F(KeptEvidenceRouteTest, ReviewsAreRare) {
  int reviewed = 0;
  for (int i = 0; i < 40; ++i) {
    reviewed += Get("/evidence/worker-1", AuditorToken()).status == 404 ? 1 : 0;
  }
  EXPECT_EQ(reviewed, 10);
  EXPECT_EQ(world.reviews, 10);
  world.clock.Advance(std::chrono::seconds(5));
  EXPECT_EQ(Get("/evidence/worker-1", AuditorToken()).status, 404);
  EXPECT_EQ(Get("/evidence/worker-1", AuditorToken(), true).status, 429);
}

TEST_F(KeptEvidenceRouteTest, AnApiServerThatIsAwayIsNoRefusal) {
  world.api_server_up = false;
  EXPECT_EQ(Get("/evidence/worker-1", AuditorToken()).status, 503);
}

}  // namespace
}  // namespace plimsoll::controller::ingest
