#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "evidence/challenge.h"
#include "evidence/cluster_info.h"
#include "evidence/enrollment.h"
#include "evidence/evidence.h"
#include "evidence/report.h"
#include "kube/transport/transport.h"
#include "node-agent/attest/failure.h"

namespace plimsoll::attest {

struct ControllerOptions {
  std::vector<std::string> addresses;  // host:port, tried in turn; at least one
  std::string name;                    // what the certificate must be for; empty for the host
  std::string ca_file;                 // PEM; read for every conversation
  std::string token_file;              // read for every request
};

// A transport to one of the addresses. May fail, and is asked again for the next conversation.
using Connector =
    std::function<Result<std::unique_ptr<transport::Transport>>(const std::string& address)>;

// TLS 1.3 to the address with nothing trusted but the CA file, and the token of the token file.
Connector MakeConnector(ControllerOptions options);

// One conversation with the controller: the routes of the protocol as functions, over one kept
// connection to the first address that answers. Closed by the destructor. For one thread at a time.
//
// A conversation begins at `first` and goes on to the next address for as long as there is no
// answer at all; once an address has answered, it stays with that, since a challenge is known to
// the replica that gave it. An HTTP status that is not a success is a Failure with the reason of
// the problem document.
class Conversation {
 public:
  Conversation(const Connector& connector, const std::vector<std::string>& addresses, size_t first,
               std::stop_token stop)
      : connector_(connector), addresses_(addresses), at_(first), stop_(std::move(stop)) {}

  Outcome<evidence::ClusterInfo> GetCluster();
  Outcome<evidence::EnrollmentResponse> Enroll(const evidence::EnrollmentRequest& request);
  Outcome<evidence::ActivationResponse> Activate(const std::string& enrollment,
                                                 const evidence::ActivationRequest& request);
  Outcome<evidence::ChallengeResponse> Challenge(const evidence::ChallengeRequest& request);
  Outcome<evidence::EvidenceResponse> SendEvidence(const std::string& challenge,
                                                   const evidence::Evidence& evidence);
  Outcome<void> Report(const evidence::ReportRequest& request);

  // The index of the address that answered last: where the next conversation begins.
  size_t at() const { return at_; }

 private:
  Outcome<transport::HttpResponse> Send(std::string method, std::string path, std::string body);
  Outcome<transport::HttpResponse> SendOnce(const transport::HttpRequest& request);

  const Connector& connector_;
  const std::vector<std::string>& addresses_;
  size_t at_;
  const std::stop_token stop_;
  std::unique_ptr<transport::Transport> transport_;
  bool answered_ = false;
};

}  // namespace plimsoll::attest
