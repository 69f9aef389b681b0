#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "fakes/software_tpm.h"
#include "policy/compiled_policy.h"

// Everything that keeps a policy from being judged (P1, P2): it then passes nobody.
namespace plimsoll::policy {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class CompileProblems : public testing::Test {
 protected:
  CompileProblems() {
    Publish("full",
            {{"pcrs", {{{"bank", "sha256"}, {"index", 0}, {"digests", {A()}}}}},
             {"components",
              {{{"role", "Kernel"}, {"digests", {{{"algorithm", "sha256"}, {"value", A()}}}}}}},
             {"commandLines", {"ro"}},
             {"secureBootDatabases", {{"db", {{"entries", {A()}}}}}},
             {"files", {{"fileName", "list"}}},
             {"keys", {{{"name", "k"}, {"pem", Key()}}}}});
    Publish("empty", {{"description", "nothing"}});
    inputs_.allow_lists["full"] =
        std::make_shared<const ima::AllowList>(*ima::AllowList::Parse(A() + "  /bin/true\n"));
  }

  static std::string A() { return std::string(64, 'a'); }
  static std::string Key() {
    static const std::string pem = fakes::SoftwareKey(fakes::KeyTemplate::AkP256()).Pem();
    return pem;
  }

  void Publish(const std::string& name, const json& spec) {
    auto set =
        ReferenceValues::Parse(json({{"metadata", {{"name", name}}}, {"spec", spec}}).dump());
    ASSERT_TRUE(set.has_value());
    inputs_.references[name] = std::make_shared<const ReferenceValues>(*std::move(set));
  }

  CompiledPolicy Compile(json spec) const {
    spec["mode"] = "Enforce";
    spec["nodeSelector"] = json::object();
    auto policy =
        AttestationPolicy::Parse(json({{"metadata", {{"name", "p"}}}, {"spec", spec}}).dump());
    EXPECT_TRUE(policy.has_value());
    return CompiledPolicy::Compile(*std::move(policy), inputs_);
  }

  void ExpectProblem(const json& spec, const std::string& problem) const {
    const CompiledPolicy policy = Compile(spec);
    EXPECT_FALSE(policy.ready()) << spec;
    EXPECT_THAT(policy.problem(), HasSubstr(problem));
  }
  void ExpectReady(const json& spec) const {
    const CompiledPolicy policy = Compile(spec);
    EXPECT_TRUE(policy.ready()) << policy.problem();
  }

  static json Pcr(json rule) {
    rule["bank"] = rule.value("bank", "sha256");
    return {{"pcrs", {rule}}};
  }
  static json Boot(json boot) { return {{"boot", std::move(boot)}}; }
  static json Ima(json ima) { return {{"runtime", {{"ima", std::move(ima)}}}}; }

  PolicyInputs inputs_;
};

TEST_F(CompileProblems, P01_APolicyThatDemandsNothingIsNotReady) {
  ExpectProblem(json::object(), "demands no measurement");
  ExpectProblem(Boot({{"eventLog", "Optional"}, {"secureBoot", "Ignored"}}),
                "demands no measurement");
  ExpectProblem(Ima({{"mode", "Audit"}, {"allowListRefs", {"full"}}}), "demands no measurement");
  ExpectReady(Boot(json::object()));
  ExpectReady(Boot({{"secureBoot", "Ignored"}}));
  ExpectReady(Boot({{"eventLog", "Optional"}}));
  const json nothing = {{"eventLog", "Optional"}, {"secureBoot", "Ignored"}};
  for (const auto& [key, value] :
       std::map<std::string, json>{{"databaseRefs", {"full"}},
                                   {"componentRefs", {"full"}},
                                   {"ukiPhases", {"ready"}},
                                   {"kernelCommandLine", {{"mustContain", {"ro"}}}}}) {
    json boot = nothing;
    boot[key] = value;
    ExpectReady(Boot(boot));
  }
}

TEST_F(CompileProblems, P02_AProblemOfTheSpecComesFirst) {
  ExpectProblem({{"pcrs", {{{"bank", "sha256"}, {"index", 0}, {"anyOf", {"zz"}}}}}},
                "spec.pcrs[0].anyOf");
}

TEST_F(CompileProblems, SetsThatDoNotExistOrCannotBeReadAreNamed) {
  Publish("broken", {{"pcrs", {{{"bank", "sha256"}, {"index", 0}, {"digests", {"x"}}}}}});
  for (const auto& [refs, problem] :
       std::map<std::string, std::string>{{"missing", "ReferenceValues missing does not exist"},
                                          {"broken", "ReferenceValues broken: spec.pcrs[0]"}}) {
    ExpectProblem(Pcr({{"index", 0}, {"referenceValueRefs", {refs}}}), problem);
    ExpectProblem(Boot({{"databaseRefs", {refs}}}), problem);
    ExpectProblem(Boot({{"componentRefs", {refs}}}), problem);
    ExpectProblem(Boot({{"kernelCommandLine", {{"referenceValueRefs", {refs}}}}}), problem);
    ExpectProblem(Ima({{"mode", "Required"}, {"allowListRefs", {refs}}}), problem);
    ExpectProblem(Ima({{"mode", "Required"}, {"keyRefs", {refs}}}), problem);
  }
}

TEST_F(CompileProblems, SetsWithoutWhatTheyAreNamedForAreNamed) {
  ExpectProblem(Pcr({{"index", 0}, {"referenceValueRefs", {"empty"}}}),
                "ReferenceValues empty has no value of sha256 PCR 0");
  ExpectProblem(Pcr({{"index", 1}, {"referenceValueRefs", {"full"}}}),
                "ReferenceValues full has no value of sha256 PCR 1");
  ExpectProblem(Pcr({{"index", 0}, {"bank", "sha384"}, {"referenceValueRefs", {"full"}}}),
                "ReferenceValues full has no value of sha384 PCR 0");
  ExpectProblem(Boot({{"databaseRefs", {"empty"}}}), "empty has no secureBootDatabases");
  ExpectProblem(Boot({{"componentRefs", {"empty"}}}), "empty has no components");
  ExpectProblem(Boot({{"kernelCommandLine", {{"referenceValueRefs", {"empty"}}}}}),
                "empty has no commandLines");
  ExpectProblem(Ima({{"mode", "Required"}, {"allowListRefs", {"empty"}}}),
                "empty names no allow-list");
  ExpectProblem(Ima({{"mode", "Required"}, {"keyRefs", {"empty"}}}), "empty has no keys");
  ExpectReady(Pcr({{"index", 0}, {"referenceValueRefs", {"full"}}}));
  ExpectReady(Boot({{"databaseRefs", {"full"}},
                    {"componentRefs", {"full"}},
                    {"kernelCommandLine", {{"referenceValueRefs", {"full"}}}}}));
}

TEST_F(CompileProblems, L13_EventLogOnlyNeedsAPcrThatTheLogExplains) {
  for (const int index : {10, 16, 17, 22, 23}) {
    ExpectProblem(Pcr({{"index", index}, {"match", "EventLogOnly"}}),
                  "is not explained by the boot event log");
  }
  for (const int index : {0, 7, 9, 11, 15}) {
    ExpectReady(Pcr({{"index", index}, {"match", "EventLogOnly"}}));
  }
}

TEST_F(CompileProblems, Q17_ARuleWithoutAValueOrWithValuesThatItDoesNotReadIsNotReady) {
  ExpectProblem(Pcr({{"index", 0}}), "no value would be accepted");
  for (const std::string match : {"EventLogOnly", "Unchanged", "FirstUse"}) {
    ExpectProblem(Pcr({{"index", 0}, {"match", match}, {"anyOf", {A()}}}),
                  match + " takes no listed values");
    ExpectProblem(Pcr({{"index", 0}, {"match", match}, {"referenceValueRefs", {"full"}}}),
                  match + " takes no listed values");
  }
  ExpectProblem({{"pcrs",
                  {{{"bank", "sha256"}, {"index", 0}, {"anyOf", {A()}}},
                   {{"bank", "sha256"}, {"index", 0}, {"match", "EventLogOnly"}}}}},
                "the same bank and index twice");
}

TEST_F(CompileProblems, P04_DigestsAreOfTheBanksLengthAndInLowerCase) {
  for (const std::string& digest :
       {std::string(40, 'a'), std::string(63, 'a'), std::string(64, 'A'), std::string(64, 'g')}) {
    ExpectProblem(Pcr({{"index", 0}, {"anyOf", {digest}}}), "spec.pcrs[0].anyOf");
  }
  ExpectReady(Pcr({{"index", 0}, {"bank", "sha1"}, {"anyOf", {std::string(40, 'a')}}}));
}

TEST_F(CompileProblems, RolesOfComponentsMustBeKnownAndSome) {
  ExpectProblem(Boot({{"componentRefs", {"full"}}, {"componentRoles", {"Bootloader"}}}),
                "\"Bootloader\" is no role");
  ExpectProblem(Boot({{"componentRefs", {"full"}}, {"componentRoles", json::array()}}),
                "no component would be judged");
}

TEST_F(CompileProblems, B07_ArgumentsAreSingleAndNotEmpty) {
  for (const char* const list : {"mustContain", "mustNotContain"}) {
    for (const char* const argument : {"", "a b", "a\tb", "\n"}) {
      ExpectProblem(Boot({{"kernelCommandLine", {{list, {argument}}}}}), "is not one argument");
    }
    ExpectReady(Boot({{"kernelCommandLine", {{list, {"a=b"}}}}}));
  }
}

TEST_F(CompileProblems, PhasesAreWordsWithColonsBetween) {
  for (const char* const path : {"", ":a", "a:", "a::b", "a b", "a/b"}) {
    ExpectProblem(Boot({{"ukiPhases", {path}}}), "spec.boot.ukiPhases");
  }
  ExpectReady(Boot({{"ukiPhases", {"enter-initrd:leave-initrd:sysinit:ready"}}}));
}

TEST_F(CompileProblems, I09_ARequiredListNeedsSomethingThatCouldAcceptAFile) {
  ExpectProblem(Ima({{"mode", "Required"}}), "neither an allow-list nor a key");
  ExpectReady(Ima({{"mode", "Required"}, {"allowListRefs", {"full"}}}));
  ExpectReady(Ima({{"mode", "Required"}, {"keyRefs", {"full"}}}));
}

TEST_F(CompileProblems, I09_AnAllowListThatIsNamedAndNotHereIsNamed) {
  inputs_.allow_lists.clear();
  ExpectProblem(Ima({{"mode", "Required"}, {"allowListRefs", {"full"}}}),
                "the allow-list of ReferenceValues full is not here");
}

TEST_F(CompileProblems, I11_AKeyThatCannotBeReadIsNamed) {
  Publish("keys", {{"keys", {{{"name", "k"}, {"pem", "no key"}}}}});
  ExpectProblem(Ima({{"mode", "Required"}, {"keyRefs", {"keys"}}}), "ReferenceValues keys: key k:");
}

TEST_F(CompileProblems, I10_APatternThatIsNoneIsNotReady) {
  ExpectProblem(
      Ima({{"mode", "Required"}, {"allowListRefs", {"full"}}, {"exclude", {"(unclosed"}}}),
      "spec.runtime.ima.exclude");
  ExpectReady(Ima({{"mode", "Required"}, {"allowListRefs", {"full"}}, {"exclude", {"(a+)+"}}}));
}

TEST_F(CompileProblems, I09_SetsThatDoNotCountGiveNeitherFilesNorKeys) {
  const json both = Ima({{"mode", "Required"}, {"allowListRefs", {"full"}}, {"keyRefs", {"full"}}});
  EXPECT_EQ(Compile(both).ima_rules().allow_lists.size(), 1U);
  EXPECT_EQ(Compile(both).ima_rules().keys.size(), 1U);
  for (const json& state :
       {json{{"state", "Revoked"}}, json{{"notBefore", "2026-01-01T00:00:00Z"}}}) {
    json spec = state;
    spec["files"] = {{"fileName", "list"}};
    spec["keys"] = {{{"name", "k"}, {"pem", Key()}}};
    Publish("full", spec);
    const CompiledPolicy policy = Compile(both);
    EXPECT_TRUE(policy.ready()) << "it is not wrong, it accepts nothing";
    EXPECT_TRUE(policy.ima_rules().allow_lists.empty());
    EXPECT_TRUE(policy.ima_rules().keys.empty());
    EXPECT_EQ(policy.ima_rules().revoked.size(), state.contains("state") ? 1U : 0U)
        << "what a revoked list names is rejected";
  }
}

TEST_F(CompileProblems, TheFirstProblemIsKept) {
  json spec = Pcr({{"index", 0}, {"referenceValueRefs", {"one"}}});
  spec["boot"] = {{"componentRefs", {"two"}}};
  EXPECT_EQ(Compile(spec).problem(), "ReferenceValues one does not exist");
}

}  // namespace
}  // namespace plimsoll::policy
