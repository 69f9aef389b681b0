#include "base/yaml.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace plimsoll {
namespace {

TEST(Yaml, ScalarsAreTextsOrNull) {
  const auto tree = ParseYamlDocument(
      "a: yes\nb: 0755\nc: ~\nd:\ne: \"~\"\nf: [1, {g: 'h'}]\ni: {}\n", YamlScalars::kText);
  ASSERT_TRUE(tree) << tree.error().message;
  EXPECT_EQ(tree->dump(),
            R"({"a":"yes","b":"0755","c":null,"d":null,"e":"~","f":["1",{"g":"h"}],"i":{}})");
}

TEST(Yaml, RefusesWhatHasTwoReadings) {
  for (const std::string& text :
       {std::string("a: 1\na: 2\n"), std::string("a: &x 1\nb: *x\n"), std::string("a: *x\n"),
        std::string("a: !!int 1\n"), std::string("{[1]: 2}\n"), std::string("a: 1\n---\nb: 2\n"),
        std::string(""), std::string("a: [1\n"), std::string("a: 1\n b: 2\n"),
        std::string(40, '[') + std::string(40, ']'), std::string(2 << 20, ' ')}) {
    EXPECT_FALSE(ParseYamlDocument(text, YamlScalars::kText)) << text.substr(0, 80);
  }
}

// Found by fuzzing: the parser made empty documents of such a token without end.
TEST(Yaml, AStrayTokenIsRefusedAndNotReadForever) {
  for (const char* text : {",", "a: 1\n---\n, b\n", "---\n,", "--- a\n...\n,--- b", "]", "}"}) {
    EXPECT_FALSE(ParseYaml(text, YamlScalars::kText, {.max_documents = 1024})) << text;
  }
  const auto empty = ParseYaml("---\n---\n...\n---\na: 1\n---\n", YamlScalars::kText, {});
  ASSERT_TRUE(empty) << empty.error().message;
  EXPECT_EQ(empty->size(), 1U);
}

TEST(Yaml, TypedScalarsAreWhatJsonHasOrMustBeQuoted) {
  const auto tree = ParseYamlDocument(
      "a: true\nb: 12\nc: -3\nd: \"12\"\ne: 15.23.0.0\nf: 00ff\ng: worker-2\nh: 1e3f\n",
      YamlScalars::kTyped);
  ASSERT_TRUE(tree) << tree.error().message;
  EXPECT_EQ(
      tree->dump(),
      R"({"a":true,"b":12,"c":-3,"d":"12","e":"15.23.0.0","f":"00ff","g":"worker-2","h":"1e3f"})");
  for (const char* scalar :
       {"yes", "No", "True", "on", "y", "0755", "007", "1.5", "1e3", "+1", "0x1F", "1_000", "12:30",
        ".inf", "0000000000000000000000000000000000000000", "9223372036854775808"}) {
    const auto refused = ParseYamlDocument(std::string("a: ") + scalar, YamlScalars::kTyped);
    ASSERT_FALSE(refused) << scalar;
    EXPECT_NE(refused.error().message.find("quote it"), std::string::npos);
    EXPECT_TRUE(ParseYamlDocument(std::string("a: '") + scalar + "'", YamlScalars::kTyped));
  }
}

TEST(Yaml, AStreamHasAsManyDocumentsAsAllowed) {
  const std::string text = "---\na: 1\n---\n---\nb: 2\n";
  const auto documents = ParseYaml(text, YamlScalars::kTyped, {.max_documents = 2});
  ASSERT_TRUE(documents) << documents.error().message;
  EXPECT_EQ(documents->size(), 2U);
  EXPECT_FALSE(ParseYaml(text, YamlScalars::kTyped, {.max_documents = 1}));
  EXPECT_FALSE(
      ParseYaml(text, YamlScalars::kTyped, {.max_bytes = text.size() - 1, .max_documents = 2}));
}

}  // namespace
}  // namespace plimsoll
