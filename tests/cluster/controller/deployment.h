#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cluster/command.h"

// The controller as it is deployed: real processes with the rights of their ServiceAccount, on the
// real API server of this test program.
namespace plimsoll::cluster {

// One controller process. Stopped by the destructor.
class Replica {
 public:
  // Starts it and waits until it is ready (a serving certificate, all caches filled). An empty name
  // in failed expectations means that it did not start.
  explicit Replica(std::string name, const std::vector<std::string>& flags = {});

  const std::string& name() const { return name_; }
  std::string address() const {
    return "127.0.0.1:" + std::to_string(port_);
  }  // of the evidence endpoint
  std::string Metrics() const;
  bool Ready() const;
  bool Leads() const;
  std::string Log() const;
  Process& process() { return *process_; }

 private:
  std::string name_;
  uint16_t port_ = 0;
  uint16_t metrics_port_ = 0;
  std::unique_ptr<Process> process_;
};

// The two replicas that the tests of this program share; tests that kill some start others in their
// place.
class Deployment {
 public:
  static Deployment& Get();

  Replica& replica(size_t index) { return *replicas_[index]; }
  Replica* Leader();            // waits for one; null when none leads within half a minute
  void Replace(Replica* dead);  // starts a new one in its place
  void Heal();                  // does that for all that have ended
  void StopAll();
  void StartAll();
  std::string ca_pem() const;  // as agents get it: from the published ConfigMap

 private:
  Deployment() = default;
  std::vector<std::unique_ptr<Replica>> replicas_;
  int started_ = 0;
};

// A port that was free a moment ago.
uint16_t FreePort();

// The body of GET http://127.0.0.1:port/path, empty when it is not 200.
std::string FetchPlain(uint16_t port, const std::string& path);

// --- what the API server shows ---
nlohmann::json GetObject(const std::string& kind,
                         const std::string& name);   // null where there is none
std::string Summary(const std::string& node);        // status.summary of the NodeAttestation
std::string TrustedReason(const std::string& node);  // reason of its condition Trusted
std::string Label(const std::string& node);          // value of the trust label
std::string TaintValue(
    const std::string& node);  // "REASON:EFFECT" of our taint, empty where there is none
std::string NodeCondition(const std::string& node);  // status of the condition plimsoll.dev/Trusted
bool HasEvent(const std::string& node, const std::string& reason);

// An Enforce policy for the nodes with label plimsoll-test=`group`: PCR 0 to 7 of bank sha256 as
// `pcrs` has them. `extra` is YAML lines of spec.
std::string PolicyYaml(const std::string& name, const std::string& group,
                       const std::vector<std::string>& pcrs, const std::string& extra = "",
                       const std::string& mode = "Enforce");

}  // namespace plimsoll::cluster
