#include "unit/kubectl-plugin/cluster_test.h"

// report, bypass, evidence, completion.
namespace plimsoll::plugin {
namespace {

using testing::HasSubstr;
using testing::Not;

using Answer = std::optional<::plimsoll::Result<transport::HttpResponse>>;

class ReportCommand : public ClusterTest {};

TEST_F(ReportCommand, OnePageStandsAlone) {
  AddFleet();
  const Result result = Run({"report", "--html"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_TRUE(result.out.starts_with("<!DOCTYPE html>"));
  EXPECT_THAT(result.out, HasSubstr("content=\"default-src 'none'; style-src 'unsafe-inline'\""));
  for (const char* foreign :
       {"<script", "src=", "href=", "url(", "@import", "http://", "https://"}) {
    EXPECT_THAT(result.out, Not(HasSubstr(foreign)));
  }
  EXPECT_THAT(result.out, HasSubstr("<h3>worker-4</h3>"));
  EXPECT_THAT(result.out, HasSubstr("\\EFI\\evil.efi"));
  EXPECT_THAT(result.out, HasSubstr("IFX 7.2.3.1"));
}

TEST_F(ReportCommand, HostileNamesAndMessagesStayText) {
  AddFleet();
  const std::string evil = "</td><script>alert(1)</script>\"'\x1b";
  EditStatus("worker-4", [&](Json& status) {
    status["conditions"][0]["message"] = evil;
    status["conditions"][0]["reason"] = evil;
    status["failedPolicies"] = evil;
    for (Json& violation : status["policies"][0]["violations"]) {
      violation["message"] = evil;
      violation["closest"] = evil;
      violation["observed"] = evil;
      violation["eventType"] = evil;
    }
    status["policies"][0]["name"] = evil;
    status["enforcement"]["withheldBy"] = evil;
    status["enforcement"]["taint"] = evil;
  });
  server_.Edit({kube::kTpmIdentity, "ek-worker-4"}, [&](Json& identity) {
    identity["spec"]["decisionReason"] = evil;
    identity["status"]["tpm"]["manufacturer"] = evil;
    identity["status"]["tpm"]["firmwareVersion"] = evil;
  });
  server_.Put({kube::kReferenceValues, "set"},
              {{"spec", {{"description", evil}, {"commandLines", {"ro"}}}},
               {"status", {{"policyNames", evil}}}});
  server_.Put({kube::kAttestationException, "x"}, {{"spec", {{"reason", evil}}}});
  server_.Edit({kube::kAttestationPolicy, "measured-boot"}, [&](Json& policy) {
    policy["status"]["conditions"] = Json::array({Condition("Ready", "False", "R", evil)});
  });
  const Result result = Run({"report", "--html"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out, Not(HasSubstr("<script")));
  EXPECT_THAT(result.out, Not(HasSubstr("\x1b")));
  EXPECT_THAT(result.out,
              HasSubstr("&lt;/td&gt;&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;\\x1b"));
  EXPECT_THAT(Run({"report"}).out, Not(HasSubstr("\x1b")));
}

TEST_F(ReportCommand, WithoutHtmlItIsADocument) {
  AddFleet();
  const Json view = Run({"report"}).json();
  EXPECT_EQ(view["allNodes"].size(), 5U);
  EXPECT_EQ(view["explanations"][0]["node"], "worker-4");
  EXPECT_EQ(view["tpmFirmware"], Json::array({{{"version", "IFX 7.2.3.1"}, {"nodes", 5}}}));
  EXPECT_EQ(view["identities"].size(), 5U);
}

class BypassCommand : public ClusterTest {
 protected:
  BypassCommand() {
    server_.Intercept([this](const transport::HttpRequest& request) -> Answer {
      if (request.path_and_query.starts_with("/api/v1/pods?")) {
        Json items = Json::array();
        for (const Json& pod : pods_) {
          const std::string node = pod["spec"]["nodeName"];
          if (request.path_and_query.find("fieldSelector=spec.nodeName%3D" + node + "&") !=
              std::string::npos) {
            items.push_back(pod);
          }
        }
        return transport::HttpResponse{
            .status = 200, .headers = {}, .body = Json{{"items", items}}.dump()};
      }
      return std::nullopt;
    });
  }

  Json& AddPod(const std::string& name, const std::string& node, const std::string& created,
               const Json& tolerations = Json::array()) {
    pods_.push_back(
        {{"metadata", {{"name", name}, {"namespace", "apps"}, {"creationTimestamp", created}}},
         {"spec", {{"nodeName", node}, {"tolerations", tolerations}}},
         {"status", {{"phase", "Running"}}}});
    return pods_.back();
  }

  std::vector<Json> pods_;
};

TEST_F(BypassCommand, TellsTolerationsFixedNamesAndStaticPodsFromWhatWasThereBefore) {
  AddFleet();
  server_.Edit({kube::kNode, "worker-4"}, [](Json& node) {
    node["spec"]["taints"] = Json::array(
        {fakes::TaintObject("plimsoll.dev/untrusted", "BootComponentNotAccepted", "NoSchedule")});
  });
  const std::string before = "2026-11-24T07:00:00Z";
  const std::string after = "2026-11-24T07:45:00Z";
  AddPod("earlier", "worker-4", before);
  AddPod("fixed", "worker-4", after);
  AddPod("any", "worker-4", before, Json::array({{{"operator", "Exists"}}}));
  AddPod("by-key", "worker-4", after,
         Json::array({{{"key", "plimsoll.dev/untrusted"}, {"operator", "Exists"}}}));
  AddPod(
      "other-effect", "worker-4", before,
      Json::array(
          {{{"key", "plimsoll.dev/untrusted"}, {"operator", "Exists"}, {"effect", "NoExecute"}}}));
  AddPod("by-value", "worker-4", before,
         Json::array({{{"key", "plimsoll.dev/untrusted"}, {"value", "BootComponentNotAccepted"}}}));
  AddPod("other-value", "worker-4", before,
         Json::array({{{"key", "plimsoll.dev/untrusted"}, {"value", "x"}}}));
  AddPod("static", "worker-4", before)["metadata"]["annotations"]["kubernetes.io/config.mirror"] =
      "x";
  AddPod("done", "worker-4", after)["status"]["phase"] = "Succeeded";
  AddPod("elsewhere", "worker-1", after);
  const Result result = Run({"bypass", "-o", "json"});
  EXPECT_EQ(result.code, kExitUntrusted) << result.err;
  std::map<std::string, std::string> how;
  const Json view = result.json();
  for (const Json& pod : view["pods"]) {
    how[pod["pod"]] = pod["how"];
  }
  EXPECT_EQ(how, (std::map<std::string, std::string>{{"fixed", "NodeName"},
                                                     {"any", "Toleration"},
                                                     {"by-key", "Toleration"},
                                                     {"by-value", "Toleration"},
                                                     {"static", "StaticPod"}}));
  EXPECT_EQ(view["earlierPods"], 3);
  EXPECT_THAT(Run({"bypass"}).out, HasSubstr("3 pods were there before"));
  EXPECT_EQ(Run({"bypass", "--all", "-o", "json"}).json()["pods"].size(), 8U);
}

TEST_F(BypassCommand, NothingThatGotPastIsExitZero) {
  AddFleet();
  AddPod("earlier", "worker-4", "2026-11-24T07:00:00Z");
  const Result result = Run({"bypass"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("No pod got past the taint of 1 untrusted nodes."));
}

class EvidenceCommand : public ClusterTest {
 protected:
  EvidenceCommand() {
    server_.Intercept([this](const transport::HttpRequest& request) -> Answer {
      const std::string& path = request.path_and_query;
      const auto answer = [](int status, const std::string& body) -> Answer {
        return transport::HttpResponse{.status = status, .headers = {}, .body = body};
      };
      if (path.starts_with("/api/v1/namespaces/plimsoll-system/pods?")) {
        Json items = Json::array();
        for (const char* name : {"ctl-1", "ctl-2"}) {
          items.push_back({{"metadata", {{"name", name}, {"namespace", "plimsoll-system"}}},
                           {"status", {{"phase", "Running"}}}});
        }
        items.push_back({{"metadata", {{"name", "starting"}}}, {"status", {{"phase", "Pending"}}}});
        return answer(200, Json{{"items", items}}.dump());
      }
      if (path == "/api/v1/namespaces/plimsoll-system/serviceaccounts/plimsoll-auditor/token") {
        asked_ = Json::parse(request.body);
        return answer(201, R"({"status":{"token":"t0k3n"}})");
      }
      const std::string proxy = "/api/v1/namespaces/plimsoll-system/pods/";
      if (path.starts_with(proxy)) {
        proxied_.push_back(path.substr(proxy.size()));
        for (const auto& [name, value] : request.headers) {
          token_ = name == "X-Plimsoll-Token" ? value : token_;
        }
        const auto found = bundles_.find(proxied_.back().substr(0, 5));
        return found == bundles_.end()
                   ? answer(404, R"({"reason":"EvidenceNotKept","detail":"none"})")
                   : answer(found->second.first, found->second.second);
      }
      return std::nullopt;
    });
  }

  std::map<std::string, std::pair<int, std::string>> bundles_;  // by pod
  std::vector<std::string> proxied_;
  std::string token_;
  Json asked_;
};

TEST_F(EvidenceCommand, AsksEveryControllerWithATokenOfTheAuditor) {
  fakes::MeasuredNode machine;
  const std::string bundle = evidence::EncodeBundle(FrameOf(machine), machine.Evidence());
  bundles_["ctl-2"] = {200, bundle};
  const Result result = Run({"evidence", "node-1"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(result.out, bundle);
  EXPECT_EQ(proxied_, (std::vector<std::string>{"ctl-1%3A8080/proxy/evidence/node-1",
                                                "ctl-2%3A8080/proxy/evidence/node-1"}));
  EXPECT_EQ(token_, "t0k3n");
  EXPECT_EQ(asked_["spec"]["audiences"], Json::array({"plimsoll.dev/controller"}));
  const Result verified = Run({"verify", Write("bundle.json", result.out)});
  EXPECT_EQ(verified.code, kExitUnknown) << "good evidence, and no policy";
}

TEST_F(EvidenceCommand, NoneKeptIsToldFromAControllerThatFails) {
  const Result none = Run({"evidence", "node-1"});
  EXPECT_EQ(none.code, kExitUnusable);
  EXPECT_THAT(none.err, HasSubstr("EvidenceNotKept: none of 2 controllers"));
  EXPECT_EQ(none.out, "");
  bundles_["ctl-1"] = {503, R"({"kind":"Status","reason":"ServiceUnavailable","message":"no"})"};
  EXPECT_EQ(Run({"evidence", "node-1"}).code, kExitUnreachable);
  bundles_["ctl-1"] = {403, R"({"reason":"Forbidden","detail":"not an auditor"})"};
  const Result forbidden = Run({"evidence", "node-1"});
  EXPECT_EQ(forbidden.code, kExitUnreachable);
  EXPECT_THAT(forbidden.err, HasSubstr("not an auditor"));
}

TEST_F(EvidenceCommand, WhatIsNoBundleOfThatNodeIsNotHandedOn) {
  bundles_["ctl-1"] = {200, "<html>"};
  EXPECT_EQ(Run({"evidence", "node-1"}).code, kExitUnusable);
  fakes::MeasuredNode machine;
  bundles_["ctl-1"] = {200, evidence::EncodeBundle(FrameOf(machine), machine.Evidence())};
  const Result other = Run({"evidence", "node-2"});
  EXPECT_EQ(other.code, kExitUnusable);
  EXPECT_EQ(other.out, "");
  EXPECT_THAT(other.err, HasSubstr("evidence of another node"));
  for (const char* name : {"../x", "a/b", "a?b", "A", "%2e"}) {
    EXPECT_EQ(Run({"evidence", name}).code, kExitUnusable) << name;
  }
}

class Completion : public ClusterTest {
 protected:
  std::vector<std::string> Complete(std::vector<std::string> words) {
    words.insert(words.begin(), "__complete");
    const Result result = Run(words);
    EXPECT_EQ(result.code, 0);
    EXPECT_EQ(result.err, "");
    std::vector<std::string> lines;
    std::istringstream stream(result.out);
    for (std::string line; std::getline(stream, line);) {
      lines.push_back(line.substr(0, line.find('\t')));
    }
    return lines;
  }
};

TEST_F(Completion, CommandsAndTheirFlags) {
  EXPECT_EQ(Complete({"ex"}), (std::vector<std::string>{"explain", ":4"}));
  EXPECT_EQ(Complete({"what"}), (std::vector<std::string>{"what-if", ":4"}));
  EXPECT_THAT(Complete({""}), testing::IsSupersetOf({"status", "approve", "verify", "completion"}));
  EXPECT_EQ(Complete({"explain", "--pol"}), (std::vector<std::string>{"--policy", ":4"}));
  EXPECT_EQ(Complete({"status", "-o", "j"}), (std::vector<std::string>{"json", ":4"}));
  EXPECT_EQ(Complete({"completion", "z"}), (std::vector<std::string>{"zsh", ":4"}));
  EXPECT_EQ(Complete({"verify", ""}), (std::vector<std::string>{":0"}));
  EXPECT_EQ(Complete({"what-if", "-f", "p"}), (std::vector<std::string>{":0"}));
}

TEST_F(Completion, NamesFromTheCluster) {
  AddFleet();
  EXPECT_EQ(Complete({"explain", "worker-4"}), (std::vector<std::string>{"worker-4", ":4"}));
  EXPECT_EQ(Complete({"diff", "worker-1", "worker-"}).size(), 6U);
  EXPECT_EQ(Complete({"approve", "ek-worker-3"}), (std::vector<std::string>{"ek-worker-3", ":4"}));
  EXPECT_EQ(Complete({"explain", "worker-1", "--policy", ""}),
            (std::vector<std::string>{"measured-boot", ":4"}));
  EXPECT_EQ(Complete({"explain", "--context=east", "-n", "sec", "wor"}).size(), 6U);
  EXPECT_EQ(opened_.back().context, "east");
  EXPECT_EQ(opened_.back().namespace_name, "sec");
  EXPECT_LE(opened_.back().timeout_seconds, 3);
}

TEST_F(Completion, SaysNothingWhenTheClusterCannotBeReached) {
  connect_ =
      [](const ConnectionOptions&) -> ::plimsoll::Result<std::unique_ptr<transport::Transport>> {
    return Fail(ErrorCode::kUnavailable, "no");
  };
  EXPECT_EQ(Complete({"explain", ""}), (std::vector<std::string>{":4"}));
}

TEST_F(Completion, ScriptsOfAllShellsAskTheProgram) {
  for (const char* shell : {"bash", "zsh", "fish", "kubectl"}) {
    const Result result = Run({"completion", shell});
    EXPECT_EQ(result.code, 0);
    EXPECT_THAT(result.out, HasSubstr("__complete")) << shell;
  }
  EXPECT_EQ(Run({"completion", "tcsh"}).code, kExitUnusable);
}

}  // namespace
}  // namespace plimsoll::plugin
