#include "kube/informer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <nlohmann/json.hpp>

#include "fakes/fake_transport.h"
#include "unit/kube/test_random.h"

namespace plimsoll::kube {
namespace {

using fakes::FakeStreamScript;
using namespace std::chrono_literals;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

struct Thing {
  ObjectMeta meta;
  int value = 0;
};

Result<Thing> DecodeThing(std::string_view text) {
  PLIMSOLL_ASSIGN_OR_RETURN(ObjectMeta meta, ParseObjectMeta(text));
  const auto object = nlohmann::json::parse(text);
  if (!object.contains("value") || !object["value"].is_number_integer()) {
    return Fail(ErrorCode::kMalformed, "value is not a number");
  }
  return Thing{std::move(meta), object["value"].get<int>()};
}

std::string ThingJson(const std::string& name, const std::string& version,
                      const std::string& value) {
  return R"({"metadata":{"name":")" + name + R"(","resourceVersion":")" + version +
         R"("},"value":)" + value + "}";
}

std::string ListJson(const std::string& version, const std::vector<std::string>& items,
                     const std::string& next = {}) {
  std::string text = R"({"metadata":{"resourceVersion":")" + version + R"(","continue":")" + next +
                     R"("},"items":[)";
  for (size_t i = 0; i < items.size(); ++i) {
    text += (i == 0 ? "" : ",") + items[i];
  }
  return text + "]}";
}

std::string EventLine(const std::string& type, const std::string& object) {
  return R"({"type":")" + type + R"(","object":)" + object + "}\n";
}

const std::string kExpiredEvent =
    EventLine("ERROR", R"({"kind":"Status","code":410,"reason":"Expired","message":"too old"})");

class InformerTest : public testing::Test {
 protected:
  InformerTest() {
    options_.backoff_base = 1ms;
    options_.backoff_cap = 5ms;
  }

  ~InformerTest() override {
    if (informer_) {
      informer_->Stop();
    }
  }

  void Start() {
    informer_.emplace(client_, clock_, random_, options_, DecodeThing);
    informer_->Subscribe([this](const Change<Thing>& change) {
      static const char* const kNames[] = {"added", "modified", "deleted", "undecodable"};
      std::string line = kNames[static_cast<int>(change.type)] + (" " + change.name);
      line += change.before ? " from " + std::to_string(change.before->value) : "";
      line += change.now ? " to " + std::to_string(change.now->value) : "";
      const std::lock_guard lock(mutex_);
      changes_.push_back(line);
    });
    informer_->OnError([this](const std::string& name, const Error& error) {
      const std::lock_guard lock(mutex_);
      errors_.push_back(name + ": " + error.message);
    });
    informer_->Start();
  }

  // The informer has asked for `count` lists and watches, so it has done all that was scripted
  // before.
  void WaitForRequests(size_t count) { ASSERT_TRUE(transport_.WaitForRequests(count)); }

  std::vector<std::string> Changes() {
    const std::lock_guard lock(mutex_);
    return changes_;
  }
  std::vector<std::string> Errors() {
    const std::lock_guard lock(mutex_);
    return errors_;
  }
  std::string Path(size_t i) { return transport_.requests().at(i).path_and_query; }

  fakes::FakeTransport transport_;
  SystemClock clock_;
  TestRandom random_;
  Client client_{transport_, clock_};
  ReflectorOptions options_{.resource = {kNodeAttestation, ""}};
  std::mutex mutex_;
  std::vector<std::string> changes_;
  std::vector<std::string> errors_;
  std::optional<Informer<Thing>> informer_;
};

TEST_F(InformerTest, ListsInPagesThenWatchesFromThere) {
  transport_.Answer(200, ListJson("10", {ThingJson("a", "1", "1")}, "next"));
  transport_.Answer(200, ListJson("10", {ThingJson("b", "2", "2")}));
  transport_.AnswerStream({{EventLine("ADDED", ThingJson("c", "11", "3")),
                            EventLine("MODIFIED", ThingJson("a", "12", "4")),
                            EventLine("DELETED", ThingJson("b", "13", "2"))}});
  Start();
  ASSERT_TRUE(informer_->WaitForSync(10s));
  WaitForRequests(4);
  EXPECT_THAT(Path(1), HasSubstr("continue=next"));
  EXPECT_THAT(Path(2), AllOf(HasSubstr("watch=true"), HasSubstr("resourceVersion=10")));
  EXPECT_THAT(Path(3), HasSubstr("resourceVersion=13"));
  EXPECT_THAT(Changes(), ElementsAre("added a to 1", "added b to 2", "added c to 3",
                                     "modified a from 1 to 4", "deleted b from 2"));
  ASSERT_TRUE(informer_->Get("a"));
  EXPECT_EQ(informer_->Get("a")->value, 4);
  EXPECT_EQ(informer_->Get("b"), nullptr);
  EXPECT_EQ(informer_->List().size(), 2u);
  EXPECT_TRUE(informer_->HasSynced());
  EXPECT_LT(informer_->LastSyncAge(), 10s);
  EXPECT_THAT(Errors(), ElementsAre());
}

TEST_F(InformerTest, WatchAsksForBookmarksAndATimeBetweenFiveAndTenMinutes) {
  transport_.Answer(200, ListJson("10", {}));
  Start();
  WaitForRequests(2);
  const std::string path = Path(1);
  EXPECT_THAT(path, HasSubstr("allowWatchBookmarks=true"));
  const int timeout = std::stoi(path.substr(path.find("timeoutSeconds=") + 15));
  EXPECT_GE(timeout, 300);
  EXPECT_LE(timeout, 600);
}

TEST_F(InformerTest, BookmarksMoveThePosition) {
  transport_.Answer(200, ListJson("10", {}));
  transport_.AnswerStream(
      {{EventLine("BOOKMARK", R"({"kind":"Node","metadata":{"resourceVersion":"99"}})")}});
  Start();
  WaitForRequests(3);
  EXPECT_THAT(Path(2), HasSubstr("resourceVersion=99"));
  EXPECT_THAT(Changes(), ElementsAre());
}

TEST_F(InformerTest, AStreamCutInTheMiddleOfALineGoesOnFromTheLastWholeEvent) {
  transport_.Answer(200, ListJson("10", {}));
  const std::string cut = EventLine("ADDED", ThingJson("b", "12", "2"));
  transport_.AnswerStream({{EventLine("ADDED", ThingJson("a", "11", "1")), cut.substr(0, 20)},
                           FakeStreamScript::End::kBroken});
  transport_.AnswerStream({{cut}});
  Start();
  WaitForRequests(4);
  EXPECT_THAT(Path(2), HasSubstr("resourceVersion=11"));
  EXPECT_THAT(Path(3), HasSubstr("resourceVersion=12"));
  EXPECT_THAT(Changes(), ElementsAre("added a to 1", "added b to 2"));
}

TEST_F(InformerTest, AStreamThatComesByteByByteIsTheSameStream) {
  transport_.Answer(200, ListJson("10", {}));
  FakeStreamScript script;
  for (const char c : EventLine("ADDED", ThingJson("a", "11", "1")) +
                          EventLine("MODIFIED", ThingJson("a", "12", "2"))) {
    script.pieces.emplace_back(1, c);
  }
  transport_.AnswerStream(script);
  Start();
  WaitForRequests(3);
  EXPECT_THAT(Changes(), ElementsAre("added a to 1", "modified a from 1 to 2"));
}

TEST_F(InformerTest, AnExpiredPositionIsListedAgainAndUnseenChangesReported) {
  transport_.Answer(200, ListJson("10", {ThingJson("a", "1", "1"), ThingJson("b", "2", "2"),
                                         ThingJson("c", "3", "3")}));
  transport_.AnswerStream({{kExpiredEvent}});
  transport_.Answer(200, ListJson("50", {ThingJson("a", "1", "1"), ThingJson("b", "40", "20"),
                                         ThingJson("d", "41", "4")}));
  Start();
  WaitForRequests(4);
  EXPECT_THAT(Path(2), Not(HasSubstr("watch")));
  EXPECT_THAT(Path(3), HasSubstr("resourceVersion=50"));
  EXPECT_THAT(Changes(),
              ElementsAre("added a to 1", "added b to 2", "added c to 3", "deleted c from 3",
                          "modified b from 2 to 20", "added d to 4"));
}

TEST_F(InformerTest, AWatchRefusedWith410IsListedAgain) {
  transport_.Answer(200, ListJson("10", {}));
  transport_.AnswerStreamStatus(410, R"({"reason":"Expired"})");
  transport_.Answer(200, ListJson("50", {}));
  Start();
  WaitForRequests(4);
  EXPECT_THAT(Path(3), HasSubstr("resourceVersion=50"));
}

TEST_F(InformerTest, AListThatBreaksOffBetweenPagesChangesNothing) {
  transport_.Answer(200, ListJson("10", {ThingJson("a", "1", "1")}));
  transport_.AnswerStream({{kExpiredEvent}});
  transport_.Answer(200, ListJson("20", {ThingJson("b", "2", "2")}, "next"));
  transport_.Answer(500, "{}");
  Start();
  WaitForRequests(5);  // the next attempt has begun
  EXPECT_THAT(Changes(), ElementsAre("added a to 1"));
  EXPECT_NE(informer_->Get("a"), nullptr);
}

TEST_F(InformerTest, OtherErrorEventsWatchAgainFromTheSamePosition) {
  transport_.Answer(200, ListJson("10", {}));
  transport_.AnswerStream(
      {{EventLine("ERROR", R"({"kind":"Status","code":500,"message":"storage is ill"})")}});
  Start();
  WaitForRequests(3);
  EXPECT_THAT(Path(2), AllOf(HasSubstr("watch=true"), HasSubstr("resourceVersion=10")));
  EXPECT_THAT(Errors(), ElementsAre(HasSubstr("storage is ill")));
}

TEST_F(InformerTest, RetryAfterIsWaitedFor) {
  transport_.Answer(429, "{}", {{"Retry-After", "1"}});
  const auto begin = std::chrono::steady_clock::now();
  Start();
  WaitForRequests(2);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 1s);
}

TEST_F(InformerTest, AnUndecodableObjectIsReportedAndItsLastGoodVersionDropped) {
  transport_.Answer(200,
                    ListJson("10", {ThingJson("a", "1", "1"), ThingJson("bad", "2", "\"x\"")}));
  transport_.AnswerStream({{EventLine("MODIFIED", ThingJson("a", "11", "null")),
                            EventLine("MODIFIED", ThingJson("bad", "12", "5")),
                            EventLine("ADDED", ThingJson("c", "13", "6"))}});
  Start();
  WaitForRequests(3);
  EXPECT_EQ(informer_->Get("a"), nullptr);
  EXPECT_EQ(informer_->Undecodable().size(), 1u);
  EXPECT_TRUE(informer_->Undecodable().contains("a"));
  EXPECT_EQ(informer_->Get("bad")->value, 5);
  EXPECT_EQ(informer_->Get("c")->value, 6);
  EXPECT_THAT(Changes(), ElementsAre("added a to 1", "undecodable bad", "undecodable a from 1",
                                     "modified bad to 5", "added c to 6"));
  EXPECT_THAT(Errors(), ElementsAre("bad: value is not a number", "a: value is not a number"));
}

TEST_F(InformerTest, ALineThatIsNoEventIsCuredByANewList) {
  transport_.Answer(200, ListJson("10", {}));
  transport_.AnswerStream({{"garbage\n"}});
  transport_.Answer(200, ListJson("20", {ThingJson("a", "1", "1")}));
  Start();
  WaitForRequests(4);
  EXPECT_THAT(Path(3), HasSubstr("resourceVersion=20"));
  EXPECT_NE(informer_->Get("a"), nullptr);
}

TEST_F(InformerTest, AWatchThatEndsAtOnceAndSilentIsNotRepeatedWithoutAPause) {
  options_.backoff_base = 400ms;
  options_.backoff_cap = 400ms;
  transport_.Answer(200, ListJson("10", {}));
  transport_.AnswerStream({{}});
  Start();
  WaitForRequests(3);
  EXPECT_THAT(Errors(), ElementsAre(HasSubstr("ended the watch at once")));
}

TEST_F(InformerTest, ANameWatchesThatObjectOnly) {
  options_.resource.name = "worker-1";
  transport_.Answer(200, ListJson("10", {}));
  Start();
  WaitForRequests(2);
  for (const size_t i : {0u, 1u}) {
    EXPECT_THAT(Path(i), HasSubstr("/nodeattestations?"));
    EXPECT_THAT(Path(i), HasSubstr("fieldSelector=metadata.name%3Dworker-1"));
  }
}

TEST_F(InformerTest, StopEndsASilentWatchAtOnce) {
  transport_.Answer(200, ListJson("10", {ThingJson("a", "1", "1")}));
  transport_.AnswerStream({{}, FakeStreamScript::End::kOpen});
  Start();
  WaitForRequests(2);
  const auto begin = std::chrono::steady_clock::now();
  informer_->Stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
  EXPECT_NE(informer_->Get("a"), nullptr);
}

TEST_F(InformerTest, IsNotSyncedBeforeTheFirstList) {
  transport_.Answer(503, "{}");
  Start();
  WaitForRequests(1);
  EXPECT_FALSE(informer_->HasSynced());
  EXPECT_FALSE(informer_->WaitForSync(1ms));
  EXPECT_EQ(informer_->LastSyncAge(), std::chrono::nanoseconds::max());
}

TEST_F(InformerTest, CallbacksSeeTheStoreAsItThenIs) {
  std::atomic<bool> synced_in_callback = false;
  std::atomic<size_t> seen = 0;
  transport_.Answer(200, ListJson("10", {ThingJson("a", "1", "1"), ThingJson("b", "2", "2")}));
  informer_.emplace(client_, clock_, random_, options_, DecodeThing);
  informer_->Subscribe([&](const Change<Thing>& change) {
    synced_in_callback = informer_->HasSynced();
    seen = informer_->Get(change.name) != nullptr ? informer_->List().size() : 0;
  });
  informer_->Start();
  WaitForRequests(2);
  EXPECT_TRUE(synced_in_callback);
  EXPECT_EQ(seen, 2u);
}

}  // namespace
}  // namespace plimsoll::kube
