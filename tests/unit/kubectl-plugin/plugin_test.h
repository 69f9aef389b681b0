#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "evidence/bundle.h"
#include "fakes/fake_clock.h"
#include "fakes/measured_node.h"
#include "kubectl-plugin/program.h"

namespace plimsoll::plugin {

using Json = fakes::MeasuredNode::Json;

// Runs kubectl-plimsoll in this process, with files in a folder of its own.
class PluginTest : public testing::Test {
 protected:
  struct Result {
    int code = -1;
    std::string out;
    std::string err;

    Json json() const { return Json::parse(out, nullptr, false); }
  };

  PluginTest() {
    std::string path = (std::filesystem::temp_directory_path() / "plimsoll-plugin-XXXXXX").string();
    folder_ = mkdtemp(path.data());
  }
  ~PluginTest() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  std::string Write(const std::string& name, std::string_view contents) const {
    const std::string path = (folder_ / name).string();
    std::ofstream(path, std::ios::binary)
        .write(contents.data(), static_cast<std::streamsize>(contents.size()));
    return path;
  }
  std::string Write(const std::string& name, const Bytes& contents) const {
    return Write(name, AsText(contents));
  }

  Result Run(const std::vector<std::string>& arguments, const std::string& input = "") const {
    std::vector<const char*> argv = {"kubectl-plimsoll"};
    for (const std::string& argument : arguments) {
      argv.push_back(argument.c_str());
    }
    std::istringstream in(input);
    std::ostringstream out;
    std::ostringstream err;
    Result result;
    result.code =
        plugin::Run(static_cast<int>(argv.size()), argv.data(), {in, out, err, clock_, connect_});
    result.out = out.str();
    result.err = err.str();
    return result;
  }

  // verify with -o json.
  Result Verify(const std::string& bundle, const std::vector<std::string>& policies = {}) const {
    std::vector<std::string> arguments = {"verify", bundle, "-o", "json"};
    for (const std::string& policy : policies) {
      arguments.insert(arguments.end(), {"--policy", policy});
    }
    return Run(arguments);
  }

  static evidence::BundleFrame FrameOf(const fakes::MeasuredNode& machine) {
    evidence::BundleFrame frame;
    frame.node_name = "node-1";
    frame.node_uid = machine.node.node_uid;
    frame.attestation_key = machine.node.tpm.ak().MarshalPublic();
    frame.expected = machine.node.nonce;
    frame.selection = machine.node.selection;
    return frame;
  }

  std::string WriteBundle(fakes::MeasuredNode& machine) const {
    return Write("bundle.json", evidence::EncodeBundle(FrameOf(machine), machine.Evidence()));
  }
  static Json BundleJson(fakes::MeasuredNode& machine) {
    return Json::parse(evidence::EncodeBundle(FrameOf(machine), machine.Evidence()));
  }

  // An object of ours as a file has it.
  static Json Object(const std::string& kind, Json object) {
    object["apiVersion"] = "plimsoll.dev/v1alpha1";
    object["kind"] = kind;
    return object;
  }

  // A file of these objects, one document each.
  std::string WriteObjects(const std::string& name, const std::vector<Json>& objects) const {
    std::string text;
    for (const Json& object : objects) {
      text += "---\n" + object.dump(1) + "\n";
    }
    return Write(name, text);
  }

  // The policy that the good machine passes, the set that it names, and its allow-list.
  std::string WriteFullPolicy(const fakes::MeasuredNode& machine) const {
    Write("files.sha256", machine.AllowList());
    return WriteObjects("policy.yaml",
                        {Object("ReferenceValues", machine.values),
                         Object("AttestationPolicy", fakes::MeasuredNode::FullPolicy())});
  }

  std::filesystem::path folder_;
  fakes::FakeClock clock_;
  Connector connect_;
};

}  // namespace plimsoll::plugin
