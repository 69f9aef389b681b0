#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "crypto/random.h"
#include "evidence/challenge.h"
#include "evidence/enrollment.h"
#include "evidence/evidence.h"
#include "evidence/report.h"
#include "evidence/statement.h"
#include "fakes/fake_transport.h"
#include "kube/transport/transport.h"
#include "tcg/public_area.h"

namespace plimsoll::fakes {

// The controller's end of the evidence protocol for one node, with the real codecs, the real
// MakeCredential and the real appraisal: what it takes, a controller takes. Thread-safe.
class FakeController {
 public:
  static constexpr char kNodeUid[] = "6f1e4a52-6c55-4c7a-a1f3-0c2a8a0b7c11";

  std::string cluster_uid = "1b4e28ba-2fa1-11d2-883f-0016d3cca427";
  std::vector<std::string> key_profiles = {"p384", "p256", "rsa2048"};
  std::chrono::seconds interval{300};
  tcg::PcrSelection selection;  // what is asked for; PCR 0-15 of sha256 when it is empty
  // Called when a challenge is given, before its answer: what happens between challenge and quote.
  std::function<void()> on_challenge;

  FakeController();

  transport::HttpResponse Handle(const transport::HttpRequest& request);

  // A connection to it.
  std::unique_ptr<transport::Transport> Connect();

  // The next request whose path begins with `path` is refused so, before anything else is done with
  // it.
  void Refuse(std::string path, int status, std::string reason,
              std::optional<std::chrono::seconds> retry_after = std::nullopt);

  // Forgets the activated key, as when the TPMIdentity is deleted.
  void ForgetKey();

  // What happened.
  std::vector<std::string> paths() const;
  std::vector<evidence::ReportRequest> reports() const;
  std::vector<evidence::EnrollmentRequest> enrollments() const;
  std::vector<evidence::Statement> statements() const;  // of evidence that passed steps 1-8
  std::vector<std::string> rejections() const;          // reasons of evidence that did not
  std::optional<tcg::PublicArea> activated() const;     // the AK
  std::vector<evidence::PcrValue> last_pcrs() const;

 private:
  struct Refusal {
    std::string path;
    transport::HttpResponse response;
  };
  struct Pending {
    tcg::PublicArea ak;
    Bytes secret;
  };

  transport::HttpResponse Enroll(const std::string& body);
  transport::HttpResponse Activate(const std::string& id, const std::string& body);
  transport::HttpResponse Challenge(const std::string& body);
  transport::HttpResponse TakeEvidence(const std::string& body);
  transport::HttpResponse TakeReport(const std::string& body);

  mutable std::mutex mutex_;
  crypto::SystemRandom random_;
  std::deque<Refusal> refusals_;
  std::map<std::string, Pending> pending_;                         // by enrolment id
  std::map<std::string, evidence::ChallengeResponse> challenges_;  // by id
  int next_id_ = 0;
  std::vector<std::string> paths_;
  std::vector<evidence::ReportRequest> reports_;
  std::vector<evidence::EnrollmentRequest> enrollments_;
  std::vector<evidence::Statement> statements_;
  std::vector<std::string> rejections_;
  std::optional<tcg::PublicArea> activated_;
  std::vector<evidence::PcrValue> last_pcrs_;
};

}  // namespace plimsoll::fakes
