#include "policy/reference_values.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/encoding.h"

// ReferenceValues objects: what is read, and what is a problem.
namespace plimsoll::policy {
namespace {

using nlohmann::json;
using testing::HasSubstr;

std::string Hex(size_t bytes) { return std::string(2 * bytes, 'a'); }

ReferenceValues Parse(const json& spec) {
  auto values =
      ReferenceValues::Parse(json({{"metadata", {{"name", "v"}}}, {"spec", spec}}).dump());
  EXPECT_TRUE(values.has_value()) << values.error().message;
  return values ? *std::move(values) : ReferenceValues();
}

void ExpectProblem(const json& spec, const std::string& problem) {
  EXPECT_THAT(Parse(spec).problem, HasSubstr(problem)) << spec;
}

json Pcr(json changes = json::object()) {
  json pcr = {{"bank", "sha256"}, {"index", 4}, {"digests", {Hex(32)}}};
  pcr.update(changes);
  return {{"pcrs", {pcr}}};
}

json Component(json changes = json::object()) {
  json component = {{"role", "BootLoader"},
                    {"digests", {{{"algorithm", "sha256"}, {"value", Hex(32)}}}}};
  component.update(changes);
  return {{"components", {component}}};
}

TEST(ReferenceValues, AreReadWhole) {
  json spec = Pcr();
  spec.update(Component({{"name", "shim 15.8"}, {"signerCertificateSHA256", {Hex(32)}}}));
  spec["state"] = "Deprecated";
  spec["consistency"] = "Tuple";
  spec["notBefore"] = "2026-01-01T00:00:00Z";
  spec["notAfter"] = "2026-12-31T00:00:00Z";
  spec["description"] = "d";
  spec["commandLines"] = {"ro quiet"};
  spec["secureBootDatabases"] = {{"PK", {{"match", "Subset"}, {"entries", {Hex(32), Hex(20)}}}},
                                 {"dbx", {{"entries", json::array()}}}};
  spec["files"] = {{"fileName", "list"},
                   {"configMapKeyRefs", {{{"namespace", "n"}, {"name", "m"}, {"key", "k"}}}}};
  spec["keys"] = {{{"name", "k"}, {"pem", "p"}}};
  const ReferenceValues values = Parse(spec);
  EXPECT_EQ(values.problem, "");
  EXPECT_EQ(values.state, ReferenceState::kDeprecated);
  EXPECT_TRUE(values.tuple);
  ASSERT_EQ(values.pcrs.size(), 1U);
  EXPECT_EQ(values.pcrs[0].index, 4U);
  EXPECT_EQ(values.pcrs[0].digests, std::vector<Bytes>{Bytes(32, 0xAA)});
  ASSERT_EQ(values.components.size(), 1U);
  EXPECT_EQ(values.components[0].role, eventlog::Role::kBootLoader);
  EXPECT_EQ(values.components[0].name, "shim 15.8");
  EXPECT_EQ(values.components[0].digests[0].value, Bytes(32, 0xAA));
  EXPECT_EQ(values.components[0].signers, std::vector<Bytes>{Bytes(32, 0xAA)});
  EXPECT_EQ(values.command_lines, std::vector<std::string>{"ro quiet"});
  EXPECT_EQ(values.databases.at(SecureBootDatabase::kPk).match, DatabaseMatch::kSubset);
  EXPECT_EQ(values.databases.at(SecureBootDatabase::kPk).entries.size(), 2U);
  EXPECT_EQ(values.databases.at(SecureBootDatabase::kDbx).match, DatabaseMatch::kSuperset)
      << "the default of dbx";
  EXPECT_EQ(values.allow_list_file, "list");
  ASSERT_EQ(values.allow_list_config_maps.size(), 1U);
  EXPECT_EQ(values.allow_list_config_maps[0].key, "k");
  EXPECT_EQ(values.keys[0].pem, "p");
}

TEST(ReferenceValues, EveryRoleIsKnownByItsName) {
  for (const char* const role :
       {"Firmware", "OptionROM", "BootLoader", "Kernel", "InitRD", "UKI", "Driver", "Other"}) {
    EXPECT_EQ(Parse(Component({{"role", role}})).problem, "") << role;
  }
  ExpectProblem(Component({{"role", "Initrd"}}), "\"Initrd\" is no role");
  ExpectProblem(Component({{"role", nullptr}}), "is no role");
}

TEST(ReferenceValues, WhatIsWrongIsNamedByItsPath) {
  ExpectProblem(Pcr({{"index", 24}}), "spec.pcrs[0].index");
  ExpectProblem(Pcr({{"index", nullptr}}), "spec.pcrs[0].index: missing");
  ExpectProblem(Pcr({{"bank", "md5"}}), "spec.pcrs[0].bank");
  ExpectProblem(Pcr({{"digests", {Hex(20)}}}), "spec.pcrs[0].digests");
  ExpectProblem(Pcr({{"digests", json::array()}}), "spec.pcrs[0].digests: empty");
  ExpectProblem(Pcr({{"x", 1}}), "spec.pcrs[0].x");
  ExpectProblem({{"pcrs", {Pcr()["pcrs"][0], Pcr()["pcrs"][0]}}}, "the same bank and index twice");
  ExpectProblem(Component({{"digests", json::array()}}), "neither a digest nor a signer");
  ExpectProblem(Component({{"digests", {{{"algorithm", "sha1"}, {"value", Hex(32)}}}}}),
                "spec.components[0].digests[0].value");
  ExpectProblem(Component({{"digests", {{{"algorithm", "crc"}, {"value", Hex(32)}}}}}),
                "spec.components[0].digests[0].algorithm");
  ExpectProblem(Component({{"signerCertificateSHA256", {Hex(20)}}}), "signerCertificateSHA256");
  ExpectProblem({{"secureBootDatabases", {{"db", {{"entries", {Hex(31)}}}}}}}, "is no hash");
  ExpectProblem({{"secureBootDatabases", {{"db", {{"match", "Equal"}}}}}},
                "spec.secureBootDatabases.db.match");
  ExpectProblem({{"secureBootDatabases", {{"dbt", json::object()}}}}, "secureBootDatabases.dbt");
  ExpectProblem({{"files", {{"configMapKeyRefs", {{{"name", "m"}, {"key", "k"}}}}}}},
                "namespace, name and key are all needed");
  ExpectProblem({{"keys", {{{"name", "k"}}}}}, "name or key missing");
  ExpectProblem({{"keys", {{{"name", "k"}, {"pem", "p"}}, {{"name", "k"}, {"pem", "q"}}}}},
                "the same name twice");
  ExpectProblem({{"notAfter", "tomorrow"}}, "spec.notAfter");
  ExpectProblem({{"consistency", "All"}}, "spec.consistency");
  ExpectProblem({{"unknown", 1}}, "spec.unknown");
}

TEST(ReferenceValues, AnAllowListFileIsOnePathElement) {
  for (const char* const name : {"a/b", "../a", "/a", "..", "."}) {
    ExpectProblem({{"files", {{"fileName", name}}}}, "not one path element");
    EXPECT_EQ(Parse({{"files", {{"fileName", name}}}}).allow_list_file, "") << name;
  }
  EXPECT_EQ(Parse({{"files", {{"fileName", std::string("a\0b", 3)}}}}).allow_list_file, "");
  EXPECT_EQ(Parse({{"files", {{"fileName", "..a"}}}}).problem, "");
}

TEST(ReferenceValues, AStateThatIsNotUnderstoodRevokes) {
  const ReferenceValues values = Parse({{"state", "active"}});
  EXPECT_THAT(values.problem, HasSubstr("spec.state"));
  EXPECT_EQ(values.state, ReferenceState::kRevoked);
}

TEST(ReferenceValues, AnEmptyDatabaseSaysNothingAndAnEmptyListSaysEmpty) {
  EXPECT_TRUE(Parse({{"secureBootDatabases", {{"db", json::object()}}}}).databases.empty());
  EXPECT_EQ(
      Parse({{"secureBootDatabases", {{"db", {{"entries", json::array()}}}}}}).databases.size(),
      1U);
}

TEST(ReferenceValues, CountFromNotBeforeToNotAfterInclusive) {
  const ReferenceValues values =
      Parse({{"notBefore", "2026-01-01T00:00:00Z"}, {"notAfter", "2026-01-02T00:00:00Z"}});
  const auto begin = *values.not_before;
  EXPECT_FALSE(values.IsValidAt(begin - std::chrono::seconds(1)));
  EXPECT_TRUE(values.IsValidAt(begin));
  EXPECT_TRUE(values.IsValidAt(begin + std::chrono::hours(24)));
  EXPECT_FALSE(values.IsValidAt(begin + std::chrono::hours(24) + std::chrono::seconds(1)));
  EXPECT_TRUE(Parse(json::object()).IsValidAt({}));
}

TEST(ReferenceValues, WithoutASpecHaveAProblem) {
  const auto values = ReferenceValues::Parse(R"({"metadata":{"name":"v"}})");
  ASSERT_TRUE(values.has_value());
  EXPECT_EQ(values->problem, "spec: missing");
  EXPECT_FALSE(ReferenceValues::Parse(R"({"spec":{}})").has_value()) << "no name";
  EXPECT_FALSE(ReferenceValues::Parse(R"({"kind":"X","metadata":{"name":"v"}})").has_value());
}

}  // namespace
}  // namespace plimsoll::policy
