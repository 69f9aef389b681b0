#include "kube/events.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "unit/kube/fake_objects.h"

namespace plimsoll::kube {
namespace {

using namespace std::chrono_literals;

bool Eventually(const std::function<bool()>& condition) {
  const auto limit = std::chrono::steady_clock::now() + 20s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > limit) {
      return false;
    }
    std::this_thread::sleep_for(5ms);
  }
  return true;
}

class EventRecorderTest : public testing::Test {
 protected:
  EventRecorderTest() {
    options_.reporting_instance = "controller-0";
    options_.series_write_interval = 0ms;
    options_.retry_delay = 5ms;
  }

  void RecordUntrusted(EventRecorder& recorder, const std::string& note = "PCR 4 differs") {
    recorder.Record({kNode, "worker-2", "uid-2"}, EventType::kWarning, "NodeUntrusted", "Appraise",
                    note);
  }

  // The one event that is there.
  nlohmann::json Only() {
    const auto all = objects_.All();
    return all.size() == 1 ? all.begin()->second : nlohmann::json();
  }

  int64_t Count() {
    const auto event = Only();
    return event.is_null()            ? 0
           : event.contains("series") ? event["series"]["count"].get<int64_t>()
                                      : 1;
  }

  fakes::FakeTransport transport_;
  FakeObjects objects_{transport_};
  SystemClock clock_;
  Client client_{transport_, clock_};
  EventRecorderOptions options_;
};

TEST_F(EventRecorderTest, AnEventNamesItsSubjectWithUid) {
  EventRecorder recorder(client_, clock_, options_);
  RecordUntrusted(recorder);
  ASSERT_TRUE(Eventually([&] { return Count() == 1; }));
  const auto event = Only();
  EXPECT_EQ(event["apiVersion"], "events.k8s.io/v1");
  EXPECT_EQ(event["metadata"]["namespace"], "default");
  EXPECT_EQ(event["regarding"],
            nlohmann::json(
                {{"apiVersion", "v1"}, {"kind", "Node"}, {"name", "worker-2"}, {"uid", "uid-2"}}));
  EXPECT_EQ(event["reason"], "NodeUntrusted");
  EXPECT_EQ(event["type"], "Warning");
  EXPECT_EQ(event["note"], "PCR 4 differs");
  EXPECT_EQ(event["reportingController"], "plimsoll-controller");
  EXPECT_EQ(event["reportingInstance"], "controller-0");
  EXPECT_EQ(event["eventTime"].get<std::string>().size(), 27u);
  EXPECT_EQ(transport_.requests()[0].path_and_query,
            "/apis/events.k8s.io/v1/namespaces/default/events");
}

TEST_F(EventRecorderTest, RepetitionsBecomeASeries) {
  EventRecorder recorder(client_, clock_, options_);
  for (int i = 0; i < 3; ++i) {
    RecordUntrusted(recorder);
  }
  EXPECT_TRUE(Eventually([&] { return Count() == 3; }));
}

TEST_F(EventRecorderTest, AnotherNoteIsAnotherEvent) {
  EventRecorder recorder(client_, clock_, options_);
  RecordUntrusted(recorder, "PCR 4 differs");
  RecordUntrusted(recorder, "PCR 7 differs");
  EXPECT_TRUE(Eventually([&] { return objects_.All().size() == 2; }));
}

TEST_F(EventRecorderTest, APostThatArrivesTwiceIsOneOccurrence) {
  objects_.RepeatNextWrite();
  EventRecorder recorder(client_, clock_, options_);
  RecordUntrusted(recorder);
  ASSERT_TRUE(Eventually([&] { return transport_.requests().size() == 2; }));  // POST and GET
  RecordUntrusted(recorder);
  EXPECT_TRUE(Eventually([&] { return Count() == 2; }));
  EXPECT_EQ(recorder.dropped(), 0u);
}

TEST_F(EventRecorderTest, AnEventFromBeforeARestartIsCountedUp) {
  {
    EventRecorder recorder(client_, clock_, options_);
    RecordUntrusted(recorder);
    RecordUntrusted(recorder);
    ASSERT_TRUE(Eventually([&] { return Count() == 2; }));
  }
  EventRecorder recorder(client_, clock_, options_);
  RecordUntrusted(recorder);
  EXPECT_TRUE(Eventually([&] { return Count() == 3; }));
}

TEST_F(EventRecorderTest, AnEventThatTheServerHasForgottenIsMadeAgain) {
  EventRecorder recorder(client_, clock_, options_);
  RecordUntrusted(recorder);
  ASSERT_TRUE(Eventually([&] { return Count() == 1; }));
  objects_.Erase(objects_.All().begin()->first);
  RecordUntrusted(recorder);
  EXPECT_TRUE(Eventually([&] { return Count() == 1; }));
}

TEST_F(EventRecorderTest, FrequentRepetitionsAreCountedButNotAllWritten) {
  options_.series_write_interval = 300ms;
  EventRecorder recorder(client_, clock_, options_);
  for (int i = 0; i < 50; ++i) {
    RecordUntrusted(recorder);
  }
  ASSERT_TRUE(Eventually([&] { return Count() == 1; }));
  EXPECT_TRUE(Eventually([&] {
    RecordUntrusted(recorder);
    return Count() > 50;
  }));
  EXPECT_LT(transport_.requests().size(), 20u);
}

TEST_F(EventRecorderTest, AServerThatIsDownForAMomentLosesNoEvent) {
  options_.retry_delay = 20ms;
  objects_.SetDown(true);
  EventRecorder recorder(client_, clock_, options_);
  RecordUntrusted(recorder);
  ASSERT_TRUE(transport_.WaitForRequests(2));
  objects_.SetDown(false);
  EXPECT_TRUE(Eventually([&] { return Count() == 1; }));
  EXPECT_EQ(recorder.dropped(), 0u);
}

TEST_F(EventRecorderTest, ARefusedEventIsDroppedAndTheNextWritten) {
  transport_.Answer(403, R"({"reason":"Forbidden"})");
  EventRecorder recorder(client_, clock_, options_);
  RecordUntrusted(recorder, "first");
  RecordUntrusted(recorder, "second");
  ASSERT_TRUE(Eventually([&] { return Count() == 1; }));
  EXPECT_EQ(Only()["note"], "second");
  EXPECT_EQ(recorder.dropped(), 1u);
}

TEST_F(EventRecorderTest, RecordingNeverWaitsForAServerThatDoesNotAnswer) {
  options_.queue_capacity = 10;
  options_.retry_delay = 1h;
  objects_.SetDown(true);
  EventRecorder recorder(client_, clock_, options_);
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 1000; ++i) {
    RecordUntrusted(recorder, "note " + std::to_string(i));
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
  EXPECT_GE(recorder.dropped(), 980u);
}

TEST_F(EventRecorderTest, RequestsArePaced) {
  options_.burst = 2;
  options_.rate = 10;
  EventRecorder recorder(client_, clock_, options_);
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 5; ++i) {
    RecordUntrusted(recorder, "note " + std::to_string(i));
  }
  ASSERT_TRUE(Eventually([&] { return objects_.All().size() == 5; }));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 250ms);
}

TEST_F(EventRecorderTest, LongAndBrokenNotesAreMadeFit) {
  EventRecorder recorder(client_, clock_, options_);
  RecordUntrusted(recorder, std::string(3000, 'x') + "\xff");
  RecordUntrusted(recorder, "\xff\n");
  ASSERT_TRUE(Eventually([&] { return objects_.All().size() == 2; }));
  for (const auto& [path, event] : objects_.All()) {
    EXPECT_LE(event["note"].get<std::string>().size(), 1024u);
  }
}

}  // namespace
}  // namespace plimsoll::kube
