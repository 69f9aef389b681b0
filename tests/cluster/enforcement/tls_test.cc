#include <gmock/gmock.h>

#include <chrono>
#include <functional>

#include "base/clock.h"
#include "cluster/enforcement/group.h"
#include "cluster/kube/connected.h"
#include "controller/tls/serving_tls.h"

namespace plimsoll::cluster {
namespace {

using controller::tls::EnsureServingTls;
using controller::tls::ServingTls;
using std::chrono::hours;
using std::chrono::seconds;

// The time of some days ago.
class EarlierClock final : public Clock {
 public:
  explicit EarlierClock(hours ago) : ago_(ago) {}
  MonotonicTime Monotonic() const override { return std::chrono::steady_clock::now(); }
  WallTime Wall() const override { return std::chrono::system_clock::now() - ago_; }

 private:
  const hours ago_;
};

ServingTls Stored() {
  const auto parsed = ServingTls::Parse(Cluster()
                                            .Kubectl({"get", "secret", controller::tls::kSecretName,
                                                      "-n", std::string(kNamespace), "-o", "json"})
                                            .out);
  EXPECT_TRUE(parsed);
  return parsed ? ServingTls{.meta = parsed->meta,
                             .ca_certificate = parsed->ca_certificate,
                             .ca_key = {},
                             .next_ca_certificate = parsed->next_ca_certificate,
                             .next_ca_key = {},
                             .certificate = parsed->certificate,
                             .key = {}}
                : ServingTls{};
}

// Certificate and CA grow old and are renewed under running replicas; an agent that reads the
// published CA only now and then is served all the time.
TEST(Tls, CertificateAndAuthorityAreRotatedWithoutAnyInterruption) {
  Deployment& deployment = Deployment::Get();
  deployment.Heal();
  ASSERT_NE(deployment.Leader(), nullptr);
  deployment.StopAll();
  kube::Connected connected;
  const controller::tls::ServingTlsOptions options{
      .namespace_name = std::string(kNamespace),
      .names = {.dns = {fmt::format("plimsoll-controller.{}.svc", kNamespace),
                        fmt::format("plimsoll-controller.{}", kNamespace),
                        fmt::format("plimsoll-controller.{}.svc.cluster.local", kNamespace)},
                .ips = {}}};
  const auto ensure_as_of = [&](hours ago) {
    EarlierClock clock(ago);
    const Status ensured = EnsureServingTls(*connected.client, clock, options);
    EXPECT_TRUE(ensured) << ensured.error().message;
  };
  // Ten years ago the CA was made, two days ago its successor, 61 days ago the certificate.
  Cluster().Kubectl(
      {"delete", "secret", controller::tls::kSecretName, "-n", std::string(kNamespace)});
  ensure_as_of(controller::tls::kAuthorityValidity - hours(24 * 300));
  ensure_as_of(controller::tls::kServingValidity - hours(24 * 29));
  const ServingTls old = Stored();
  EXPECT_FALSE(old.next_ca_certificate.empty());
  const std::string agent_ca = deployment.ca_pem();  // as an agent has mounted it

  deployment.StartAll();
  SoftwareNode node("tls-rotation", "tls");
  const auto served = [&](const std::string& ca) {
    int failures = 0;
    for (size_t i = 0; i < 2; ++i) {
      node.Connect(deployment.replica(i).address(), ca);               // a handshake of its own
      failures += node.Send("GET", "/v1/cluster").status > 0 ? 0 : 1;  // whatever the answer
    }
    return failures == 0;
  };
  // The leader finds that the successor has been published for long enough.
  EXPECT_TRUE(Eventually(
      [&] {
        EXPECT_TRUE(served(agent_ca)) << "an agent that has not read the CA again is locked out";
        return Stored().certificate != old.certificate;
      },
      seconds(90)));
  const ServingTls rotated = Stored();
  EXPECT_TRUE(rotated.ca_certificate.starts_with(old.next_ca_certificate));
  EXPECT_TRUE(rotated.next_ca_certificate.empty());
  EXPECT_TRUE(Eventually([&] {
    return deployment.replica(0).Log().find("serving certificate in use") != std::string::npos &&
           served(old.next_ca_certificate);
  })) << "both replicas serve the new one";
  EXPECT_TRUE(served(agent_ca));
  EXPECT_TRUE(served(deployment.ca_pem()));
}

}  // namespace
}  // namespace plimsoll::cluster
