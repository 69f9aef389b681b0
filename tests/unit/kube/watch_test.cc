#include "kube/watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace plimsoll::kube {
namespace {

using testing::ElementsAre;

std::vector<std::string> Drain(LineSplitter& splitter) {
  std::vector<std::string> lines;
  while (auto line = splitter.Next()) {
    lines.push_back(*std::move(line));
  }
  return lines;
}

TEST(LineSplitter, GivesTheSameLinesWhereverTheStreamIsCut) {
  const std::string stream = "{\"a\":1}\n\n{\"b\":\"\xc3\xa9\"}\r\n{\"c\":3}\n{\"cut";
  for (size_t first = 0; first <= stream.size(); ++first) {
    for (size_t second = first; second <= stream.size(); ++second) {
      LineSplitter splitter;
      std::vector<std::string> lines;
      for (const auto& [begin, end] :
           {std::pair{size_t{0}, first}, {first, second}, {second, stream.size()}}) {
        ASSERT_TRUE(splitter.Push(std::string_view(stream).substr(begin, end - begin)));
        for (std::string& line : Drain(splitter)) {
          lines.push_back(std::move(line));
        }
      }
      ASSERT_THAT(lines, ElementsAre("{\"a\":1}", "{\"b\":\"\xc3\xa9\"}", "{\"c\":3}"))
          << first << " " << second;
      ASSERT_TRUE(splitter.HasRest());
    }
  }
}

TEST(LineSplitter, GivesTheSameLinesByteByByteAndAllAtOnce) {
  std::string stream;
  std::vector<std::string> expected;
  for (size_t i = 0; i < 200; ++i) {
    expected.push_back(std::string(1 + (i * 37) % 300, static_cast<char>('a' + i % 26)));
    stream += expected.back() + "\n";
  }
  LineSplitter at_once;
  ASSERT_TRUE(at_once.Push(stream));
  EXPECT_EQ(Drain(at_once), expected);
  EXPECT_FALSE(at_once.HasRest());

  LineSplitter by_byte;
  std::vector<std::string> lines;
  for (const char c : stream) {
    ASSERT_TRUE(by_byte.Push(std::string_view(&c, 1)));
    for (std::string& line : Drain(by_byte)) {
      lines.push_back(std::move(line));
    }
  }
  EXPECT_EQ(lines, expected);
}

TEST(LineSplitter, RefusesALineOverTheCapBeforeItsEndHasCome) {
  LineSplitter splitter(100);
  EXPECT_TRUE(splitter.Push(std::string(60, 'x') + "\n" + std::string(100, 'y')));
  EXPECT_EQ(Drain(splitter).size(), 1u);
  const Status status = splitter.Push("y");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kTooLarge);
}

TEST(LineSplitter, TakesManyShortLinesThatAreTogetherOverTheCap) {
  LineSplitter splitter(10);
  std::string stream;
  for (int i = 0; i < 100; ++i) {
    stream += "12345\n";
  }
  EXPECT_TRUE(splitter.Push(stream));
  EXPECT_EQ(Drain(splitter).size(), 100u);
}

TEST(WatchEvent, ObjectIsASliceOfTheLine) {
  const std::string line =
      R"({"type":"MODIFIED","object":{"metadata":{"name":"a","resourceVersion":"7"},"x":[{"y":"}"}]}})";
  const auto event = ParseWatchEvent(line);
  ASSERT_TRUE(event) << event.error().message;
  EXPECT_EQ(event->type, WatchEventType::kModified);
  EXPECT_EQ(event->object, R"({"metadata":{"name":"a","resourceVersion":"7"},"x":[{"y":"}"}]})");
  EXPECT_GE(event->object.data(), line.data());
  EXPECT_LE(event->object.data() + event->object.size(), line.data() + line.size());
}

TEST(WatchEvent, TypeMayStandBehindTheObject) {
  const std::string line = R"({"object":{"a":"\u0041"},"type":"DELETED"})";
  const auto event = ParseWatchEvent(line);
  ASSERT_TRUE(event) << event.error().message;
  EXPECT_EQ(event->type, WatchEventType::kDeleted);
  EXPECT_EQ(event->object, R"({"a":"\u0041"})");
}

TEST(WatchEvent, WhatIsNoEventIsMalformed) {
  for (const std::string line :
       {"", "{", "[]", "null", "{}", R"({"type":"ADDED"})", R"({"type":1,"object":{}})",
        R"({"type":"ADDED","object":7})", R"({"type":"RENAMED","object":{}})",
        R"({"type":"ADDED","object":{"a":)"}) {
    const auto event = ParseWatchEvent(line);
    ASSERT_FALSE(event) << line;
    EXPECT_EQ(event.error().code, ErrorCode::kMalformed) << line;
  }
}

}  // namespace
}  // namespace plimsoll::kube
