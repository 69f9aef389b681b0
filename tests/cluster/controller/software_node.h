#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "evidence/challenge.h"
#include "evidence/enrollment.h"
#include "evidence/evidence.h"
#include "evidence/problem.h"
#include "fakes/attested_node.h"
#include "fakes/software_tpm.h"
#include "kube/transport/transport.h"

namespace plimsoll::cluster {

// A node as the controller sees it over the wire, with a TPM in software that can lie: a real Node,
// a real token bound to a Pod on it, and the protocol spoken by hand. For attacks; the honest agent
// is tested with its own TPM.
class SoftwareNode {
 public:
  // Makes Node, ServiceAccount, Pod and token. The Node has the label plimsoll-test=`group`.
  SoftwareNode(std::string name, const std::string& group,
               fakes::KeyTemplate ak = fakes::KeyTemplate::AkP256());

  const std::string& name() const { return name_; }
  const std::string& uid() const { return uid_; }
  const std::string& token() const { return token_; }
  void set_token(std::string token) { token_ = std::move(token); }
  // What its TPM says of its maker at the enrolment.
  void set_manufacturer(std::string id) { manufacturer_ = std::move(id); }
  fakes::SoftwareTpm& tpm() { return machine_.tpm; }
  const fakes::SoftwareKey& ek() const { return ek_; }
  std::string identity() const;           // name of its TPMIdentity
  std::vector<std::string> Pcrs() const;  // 0 to 7 of bank sha256, hex

  // The same node over a connection of its own, for a thread of its own.
  std::unique_ptr<SoftwareNode> OnAnotherConnection(const std::string& address,
                                                    const std::string& ca_pem) const;

  // Speaks with this replica from now on.
  void Connect(const std::string& address, const std::string& ca_pem);

  transport::HttpResponse Send(const std::string& method, const std::string& path,
                               const std::string& body = "");
  // The same, but a 429 is waited out as its Retry-After says, like an agent does. Everything below
  // speaks so: how often a test has to poll on a slow machine must not decide it.
  transport::HttpResponse SendPatiently(const std::string& method, const std::string& path,
                                        const std::string& body);

  // Enrols the present AK and answers the activation; the last response.
  transport::HttpResponse Enroll();
  // With the present AK and everything that a TPM has, or another key and other banks.
  transport::HttpResponse RequestChallenge();
  transport::HttpResponse RequestChallenge(const tcg::Name& key, const std::string& banks);
  evidence::ChallengeResponse Challenge();  // fails the test when there is none

  // Good evidence for the challenge, but for what `spoil` changes before it is signed.
  evidence::Evidence Answer(const evidence::ChallengeResponse& challenge,
                            const std::function<void(fakes::AttestFields&)>& spoil = {});
  transport::HttpResponse SendEvidence(const evidence::ChallengeResponse& challenge,
                                       const evidence::Evidence& evidence);

  // A whole round; the verdict that was answered.
  evidence::EvidenceResponse Attest();

  // The API server's word that a person has decided.
  void Approve();

  fakes::AttestedNode& machine() { return machine_; }

 private:
  SoftwareNode(const SoftwareNode& other, std::nullptr_t);

  std::string name_;
  std::string uid_;
  std::string token_;
  fakes::AttestedNode machine_;
  fakes::SoftwareKey ek_;
  uint64_t clock_base_;
  std::string manufacturer_ = "SOFT";
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  std::unique_ptr<transport::Transport> transport_;
};

// The reason of a problem document, empty for other bodies.
std::string ProblemReason(const transport::HttpResponse& response);

}  // namespace plimsoll::cluster
