#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/stored_facts.h"
#include "controller/record/transition.h"
#include "evidence_fixture.h"
#include "fakes/measured_node.h"

namespace plimsoll::controller::ingest {
namespace {

using nlohmann::json;
using std::chrono::seconds;

// worker-1 has measured its boot and its files, and a policy demands of everything that it is what
// the set "machine" lists.
class LogsRoute : public EvidenceRoute {
 protected:
  LogsRoute() {
    world.server.Remove({kube::kAttestationPolicy, "measured"});
    json set = machine.values;
    set["spec"]["files"] = {
        {"configMapKeyRefs",
         {{{"namespace", "plimsoll-system"}, {"name", "files"}, {"key", "all"}}}}};
    world.server.Put({kube::kReferenceValues, "machine"}, {{"spec", set["spec"]}});
    world.texts.PutConfigMap("files", "all", machine.AllowList());
    json policy = fakes::MeasuredNode::FullPolicy();
    policy["spec"]["identity"] = {{"admission", "EndorsementCertificate"},
                                  {"endorsementAuthorityRefs", {"vendor"}}};
    world.AddPolicy("full", policy["spec"]);
    Boot();
  }

  // The agent's TPM is the machine's.
  void Boot() {
    for (const tcg::AlgorithmId bank : {tcg::AlgorithmId::kSha1, tcg::AlgorithmId::kSha256}) {
      for (uint32_t pcr = 0; pcr < 16; ++pcr) {
        agent.tpm.SetPcr(bank, pcr, machine.node.tpm.Pcr(bank, pcr));
      }
    }
  }

  evidence::ChallengeResponse Ask() {
    auto body = agent.ChallengeBody();
    machine.NameWhatIsSent();
    body.boot_event_log = machine.node.statement.boot_event_log;
    body.ima_entries = machine.list.size();
    const auto response = agent.Post("/v1/challenges", evidence::Encode(body));
    const auto challenge = evidence::DecodeChallengeResponse(response.body);
    EXPECT_TRUE(challenge) << response.body;
    return challenge.value_or(evidence::ChallengeResponse{});
  }

  // Sends what the challenge wants, and names everything.
  http::Response Answer(const evidence::ChallengeResponse& challenge) {
    machine.NameWhatIsSent();
    agent.statement.boot_event_log = machine.node.statement.boot_event_log;
    std::optional<Bytes> ima;
    agent.statement.ima.reset();
    if (challenge.want_ima_from) {
      const std::vector<ima::Made> rest(
          machine.list.begin() + static_cast<std::ptrdiff_t>(*challenge.want_ima_from),
          machine.list.end());
      ima = ima::Listed(rest);
      agent.statement.ima =
          evidence::ImaRange{.from = *challenge.want_ima_from,
                             .entries = rest.size(),
                             .total = machine.list.size(),
                             .sha256 = crypto::Digest(tcg::AlgorithmId::kSha256, {*ima})};
    }
    evidence::Evidence made = agent.Quote(challenge);
    if (challenge.want_boot_event_log) {
      made.boot_event_log = machine.log.Build();
    }
    made.ima = std::move(ima);
    return agent.Send(challenge, made);
  }

  evidence::EvidenceResponse Round() { return Verdict(Answer(Ask())); }

  void Measure(const ima::Made& entry) {
    machine.list.push_back(entry);
    for (const tcg::AlgorithmId bank : {tcg::AlgorithmId::kSha1, tcg::AlgorithmId::kSha256}) {
      agent.tpm.SetPcr(bank, 10, ima::PcrAfter(machine.list, bank));
    }
  }

  fakes::MeasuredNode machine;
};

TEST_F(LogsRoute, ANodeSendsItsBootEventLogOnceAndIsJudgedByItFromThenOn) {
  const auto first = Ask();
  EXPECT_TRUE(first.want_boot_event_log);
  EXPECT_EQ(Verdict(Answer(first)).reason, "AllPoliciesPassed");
  const auto second = Ask();
  EXPECT_FALSE(second.want_boot_event_log) << "the controller holds it";
  EXPECT_EQ(Verdict(Answer(second)).verdict, "Trusted");

  const auto status = world.StatusOf("worker-1");
  const json boot = json::parse(status.boot.json);
  EXPECT_EQ(boot["eventLog"], "Replayed");
  EXPECT_EQ(boot["secureBoot"], "Enabled");
  ASSERT_EQ(status.policies.size(), 1U);
  EXPECT_EQ(status.policies[0].reference_values, std::vector<std::string>{"machine"});
  EXPECT_EQ(Find(status.conditions, "BootVerified")->status, ConditionStatus::kTrue);
  EXPECT_EQ(Find(status.conditions, "RuntimeVerified")->status, ConditionStatus::kTrue);
}

TEST_F(LogsRoute, ALogThatWasNotAskedForAndIsNotHeldGivesNoVerdict) {
  Round();
  const auto challenge = Ask();
  ASSERT_FALSE(challenge.want_boot_event_log);
  machine.log.Add(5, fakes::EventType::kEfiAction, ToBytes(AsBytes("another log")));
  const std::string before = VersionOf("worker-1");
  const auto refused = Answer(challenge);
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(ReasonIn(refused), "LogRequired");
  EXPECT_EQ(VersionOf("worker-1"), before);
}

TEST_F(LogsRoute, AnotherNodesLogIsNeverUsed) {
  Round();
  TestAgent other(world, {.node_name = "worker-2", .node_uid = fakes::kOtherWorkerUid});
  Certify(other);
  ASSERT_EQ(other.EnrollAndActivate().status, 200);
  auto body = other.ChallengeBody();
  body.boot_event_log = agent.statement.boot_event_log;
  const auto challenge =
      evidence::DecodeChallengeResponse(other.Post("/v1/challenges", evidence::Encode(body)).body);
  ASSERT_TRUE(challenge);
  EXPECT_TRUE(challenge->want_boot_event_log) << "its digest proves nothing of this node";
}

TEST_F(LogsRoute, StoredFactsGiveTheResultsThatTheEvidenceGave) {
  Round();
  const auto status = world.StatusOf("worker-1");
  const auto facts = api::StoredFacts(status);
  ASSERT_TRUE(facts) << facts.error().message;
  const auto node = world.nodes.Get("worker-1");
  // Without the list, which cannot be judged again.
  world.server.Edit({kube::kAttestationPolicy, "full"},
                    [](json& policy) { policy["spec"].erase("runtime"); });
  const auto policies = world.picture.For(*node);
  const auto judged = appraisal::JudgePolicies(
      *facts, api::IdentityFactsOf(world.IdentityNamed(agent.IdentityName())),
      record::Applied(policies, status, world.clock.Wall()));
  EXPECT_EQ(judged.verdict, appraisal::Verdict::kTrusted) << judged.message;
  world.server.Edit({kube::kReferenceValues, "machine"},
                    [](json& set) { set["spec"]["state"] = "Revoked"; });
  const auto revoked = appraisal::JudgePolicies(
      *facts, api::IdentityFactsOf(world.IdentityNamed(agent.IdentityName())),
      record::Applied(world.picture.For(*node), status, world.clock.Wall()));
  EXPECT_EQ(revoked.reason, appraisal::Reason::kReferenceRevoked);
}

TEST_F(LogsRoute, I08_OnlyNewEntriesOfTheImaListAreAskedFor) {
  const auto first = Ask();
  EXPECT_EQ(first.want_ima_from, std::optional<uint64_t>(0));
  ASSERT_EQ(Verdict(Answer(first)).verdict, "Trusted");
  Measure(machine.files.front());
  const auto second = Ask();
  EXPECT_EQ(second.want_ima_from, std::optional<uint64_t>(machine.list.size() - 1));
  EXPECT_EQ(Verdict(Answer(second)).verdict, "Trusted");
  EXPECT_EQ(Round().verdict, "Trusted") << "a list with nothing new";
}

TEST_F(LogsRoute, I09_AnEntryThatWasRejectedOnceStaysRejectedForThisBoot) {
  ASSERT_EQ(Round().verdict, "Trusted");
  Measure(ima::File("/usr/bin/rootkit", "evil"));
  EXPECT_EQ(Round().reason, "RuntimeMeasurementRejected");
  // Nothing new is wrong, and every replica that did not see it reads it from the status.
  Measure(machine.files.front());
  const auto challenge = Ask();
  EXPECT_GT(challenge.want_ima_from.value_or(0), 0U);
  const auto verdict = Verdict(Answer(challenge));
  EXPECT_EQ(verdict.reason, "RuntimeMeasurementRejected");
  EXPECT_EQ(verdict.verdict, "Untrusted");
}

TEST_F(LogsRoute, ChangedImaRulesAskForTheListFromItsBeginning) {
  ASSERT_EQ(Round().verdict, "Trusted");
  const auto challenge = Ask();
  ASSERT_GT(challenge.want_ima_from.value_or(0), 0U);
  world.texts.PutConfigMap("files", "all", machine.AllowList() + "\n");
  const auto refused = Answer(challenge);
  EXPECT_EQ(ReasonIn(refused), "LogRequired") << "asked by rules that are not the present ones";
  EXPECT_EQ(Ask().want_ima_from, std::optional<uint64_t>(0));
  EXPECT_EQ(Round().verdict, "Trusted");
}

TEST_F(LogsRoute, AListThatWasAskedForFromAPositionOfAnotherBootIsNotWrong) {
  ASSERT_EQ(Round().verdict, "Trusted");
  const auto challenge = Ask();
  agent.tpm.clock.restart_count += 1;  // suspended and resumed in between
  EXPECT_NE(Verdict(Answer(challenge)).reason, "RuntimeListMismatch");
  EXPECT_EQ(Ask().want_ima_from, std::optional<uint64_t>(0));
  EXPECT_EQ(Round().verdict, "Trusted");
}

TEST_F(LogsRoute, AReattestationAsksForEverythingAnew) {
  ASSERT_EQ(Round().verdict, "Trusted");
  world.clock.Advance(seconds(5));
  world.server.Edit({kube::kNodeAttestation, "worker-1"}, [&](json& object) {
    object["metadata"]["annotations"]["plimsoll.dev/reattest-requested-at"] =
        FormatTime(world.clock.Wall());
  });
  const auto challenge = Ask();
  EXPECT_TRUE(challenge.want_boot_event_log);
  EXPECT_EQ(challenge.want_ima_from, std::optional<uint64_t>(0));
  EXPECT_TRUE(world.HasEvent("worker-1", "ReattestationRequested"));
  EXPECT_EQ(Verdict(Answer(challenge)).verdict, "Trusted");
  EXPECT_FALSE(Ask().want_boot_event_log) << "it was met";
}

TEST_F(LogsRoute, AReattestationThatIsAskedForInTheFutureIsNotOne) {
  ASSERT_EQ(Round().verdict, "Trusted");
  world.server.Edit({kube::kNodeAttestation, "worker-1"}, [&](json& object) {
    object["metadata"]["annotations"]["plimsoll.dev/reattest-requested-at"] =
        FormatTime(world.clock.Wall() + std::chrono::hours(1));
  });
  EXPECT_FALSE(Ask().want_boot_event_log);
}

TEST_F(LogsRoute, AReplicaWhoseWatchIsBehindNeverWritesOverAVerdictThatWasGivenWithNewerInputs) {
  ASSERT_EQ(Round().verdict, "Trusted");
  world.references.Freeze();
  world.server.Edit({kube::kReferenceValues, "machine"}, [](json& set) {
    set["spec"]["state"] = "Revoked";
    set["metadata"]["generation"] = 2;
  });
  // What a replica that saw the revocation has written.
  world.server.Edit({kube::kNodeAttestation, "worker-1"}, [](json& object) {
    object["status"]["summary"] = "Untrusted";
    object["status"]["inputs"] = std::string(64, 'f');
    for (json& condition : object["status"]["conditions"]) {
      if (condition["type"] == "Trusted") {
        condition["status"] = "False";
        condition["reason"] = "ReferenceRevoked";
      }
    }
  });
  const auto refused = Answer(Ask());
  EXPECT_EQ(refused.status, 503) << refused.body;
  EXPECT_EQ(world.StatusOf("worker-1").summary, "Untrusted");
  EXPECT_EQ(world.ReasonOf("worker-1"), "ReferenceRevoked");

  world.references.Thaw();
  EXPECT_EQ(Round().reason, "ReferenceRevoked") << "with the present set it is judged";
}

TEST_F(LogsRoute, AMissingConfigMapMakesTheNodeUnknownNeverTrusted) {
  world.server.Edit({kube::kReferenceValues, "machine"}, [](json& set) {
    set["spec"]["files"]["configMapKeyRefs"][0]["name"] = "missing";
  });
  const auto verdict = Round();
  EXPECT_EQ(verdict.verdict, "Unknown");
  EXPECT_EQ(verdict.reason, "PolicyNotReady");
}

}  // namespace
}  // namespace plimsoll::controller::ingest
