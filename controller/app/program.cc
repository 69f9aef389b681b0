#include "controller/app/program.h"

#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "base/clock.h"
#include "controller/app/caches.h"
#include "controller/app/leading.h"
#include "controller/app/metrics.h"
#include "controller/identity/binding.h"
#include "controller/identity/endorsement.h"
#include "controller/identity/identity_changes.h"
#include "controller/identity/identity_store.h"
#include "controller/identity/node_events.h"
#include "controller/ingest/agent_authenticator.h"
#include "controller/ingest/ingest_context.h"
#include "controller/ingest/kept_evidence_route.h"
#include "controller/ingest/routes.h"
#include "controller/policies/currency.h"
#include "controller/policies/picture.h"
#include "controller/policies/references.h"
#include "controller/policies/text_watch.h"
#include "controller/record/recorder.h"
#include "crypto/random.h"
#include "http/health.h"
#include "http/server.h"
#include "kube/config.h"
#include "kube/events.h"
#include "kube/token_review.h"
#include "telemetry/log.h"

namespace plimsoll::controller {
namespace {

constexpr std::chrono::milliseconds kDrain{5'000};
constexpr std::chrono::seconds kStartRetry{2};
constexpr int kExpirePerInterval = 3;  // of nodes that no policy selects

// Waits for SIGTERM or SIGINT, for at most `timeout`; whether one came.
bool WaitForSignal(std::chrono::milliseconds timeout) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  const timespec wait{.tv_sec = timeout.count() / 1000,
                      .tv_nsec = timeout.count() % 1000 * 1'000'000};
  return sigtimedwait(&signals, nullptr, &wait) > 0;
}

void BlockSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);  // a peer that hangs up is an error of that connection
}

Result<kube::ClusterConfig> FindCluster(const Options& options) {
  if (!options.kubeconfig.empty()) {
    return kube::LoadKubeconfig(options.kubeconfig);
  }
  const kube::InClusterSources sources = kube::InClusterSources::FromEnvironment();
  if (!sources.Present()) {
    return Fail(ErrorCode::kNotFound,
                "this is no Pod (KUBERNETES_SERVICE_HOST is not set): give --kubeconfig");
  }
  return kube::InClusterConfig(sources);
}

crypto::ServingNames NamesOf(const Options& options) {
  const std::string service = options.service_name + "." + options.namespace_name;
  return {.dns = {service + ".svc", service, service + ".svc.cluster.local"}, .ips = {}};
}

// The controller's parts, in the order in which they depend on each other. One object, one life.
class Program {
 public:
  Program(const Options& options, telemetry::Logger& logger,
          std::unique_ptr<ProgramMetrics> metrics, std::unique_ptr<transport::Transport> transport)
      : options_(options),
        logger_(logger),
        metrics_(std::move(metrics)),
        transport_(std::move(transport)),
        client_(*transport_, clock_,
                [this](const kube::RequestRecord& record) { metrics_->KubeRequest(record); }),
        caches_(client_, clock_, random_, options.namespace_name),
        texts_(client_, clock_, random_, options.allow_list_directory,
               [this] { leading_.InputsChanged(); }),
        references_(caches_.authorities, caches_.references, texts_),
        rollouts_(caches_.revisions),
        picture_({.policies = caches_.policies,
                  .references = references_,
                  .clock = clock_,
                  .rollouts = &rollouts_},
                 {.interval = options.default_interval,
                  .expire = options.default_interval * kExpirePerInterval}),
        currency_(client_, {.policies = caches_.policies,
                            .authorities = caches_.authorities,
                            .references = caches_.references,
                            .texts = texts_}),
        recorder_(client_, caches_.attestations, clock_, logger,
                  {.status_refresh = options.status_refresh}),
        events_(client_, clock_, {.reporting_instance = options.identity}),
        node_events_(events_, caches_.nodes, caches_.attestations),
        judge_(picture_, clock_),
        identity_{.client = client_,
                  .nodes = caches_.nodes,
                  .picture = picture_,
                  .judge = judge_,
                  .recorder = recorder_,
                  .events = node_events_,
                  .clock = clock_,
                  .logger = logger},
        binding_(identity_),
        changes_(identity_),
        store_(client_),
        leading_({.client = client_,
                  .caches = caches_,
                  .picture = picture_,
                  .currency = currency_,
                  .rollouts = rollouts_,
                  .recorder = recorder_,
                  .events = events_,
                  .identity = identity_,
                  .clock = clock_,
                  .random = random_,
                  .logger = logger,
                  .metrics = *metrics_,
                  .options = options,
                  .tls = {.namespace_name = options.namespace_name, .names = NamesOf(options)}},
                 [this] { leadership_lost_ = true; }),
        reviewer_(client_),
        authenticator_(reviewer_, caches_.nodes, *metrics_, logger, clock_,
                       {.username = "system:serviceaccount:" + options.agent_namespace + ":" +
                                    options.agent_service_account}),
        kept_evidence_(static_cast<size_t>(options.evidence_memory_mib) << 20U),
        auditors_(reviewer_, logger, clock_,
                  "system:serviceaccount:" + options.namespace_name + ":" +
                      std::string(ingest::kAuditorAccount)) {}

  int Run() {
    leading_.Subscribe();
    caches_.LogErrors(logger_);
    caches_.serving_tls.informer.Subscribe(
        [this](const auto& change) { UseCertificate(change.now.get()); });
    if (const Status started = StartHealth(); !started) {
      logger_.Error("cannot serve health and metrics", {{"error", started.error().message}});
      return kExitCannotStart;
    }
    caches_.Start();
    if (!Await("the caches to be filled", [this] { return caches_.Synced(); }) ||
        !FindClusterUid()) {
      return End(kExitStopped);
    }
    if (const Status started = StartEvidence(); !started) {
      logger_.Error("cannot serve the evidence endpoint", {{"error", started.error().message}});
      return End(kExitCannotStart);
    }
    leading_.Start();
    logger_.Info("ready", {{"evidencePort", evidence_->port()},
                           {"healthPort", health_->port()},
                           {"identity", options_.identity}});
    while (!WaitForSignal(std::chrono::milliseconds(200))) {
      if (leadership_lost_) {
        return End(kExitLeadershipLost);
      }
    }
    logger_.Info("asked to end");
    return End(kExitStopped);
  }

 private:
  // Polls until `done`; false when a signal came first.
  template <class Condition>
  bool Await(const char* what, Condition done) {
    MonotonicTime said = clock_.Monotonic();
    while (!done()) {
      if (WaitForSignal(std::chrono::milliseconds(50))) {
        return false;
      }
      if (clock_.Monotonic() - said > std::chrono::seconds(10)) {
        said = clock_.Monotonic();
        logger_.Info("waiting", {{"for", what}});
      }
    }
    return true;
  }

  bool FindClusterUid() {
    for (;;) {
      const auto found = client_.Get({kube::kNamespace, "kube-system"});
      const auto meta = found ? kube::ParseObjectMeta(std::string_view(*found))
                              : Result<kube::ObjectMeta>(tl::unexpected(found.error()));
      if (meta && !meta->uid.empty()) {
        cluster_uid_ = meta->uid;
        return true;
      }
      logger_.Warning("the UID of namespace kube-system cannot be read; it is tried again",
                      {{"error", meta ? "it has none" : meta.error().message}});
      if (WaitForSignal(kStartRetry)) {
        return false;
      }
    }
  }

  Status StartHealth() {
    http::HealthEndpoints endpoints;
    endpoints.ready.push_back(
        {"caches", [this] {
           return caches_.Synced()
                      ? Status()
                      : Status(Fail(ErrorCode::kUnavailable, "not every kind has been listed yet"));
         }});
    endpoints.ready.push_back(
        {"serving-certificate", [this] {
           return certified_ ? Status()
                             : Status(Fail(ErrorCode::kUnavailable, "there is none yet"));
         }});
    endpoints.ready.push_back(
        {"evidence", [this] {
           return serving_ ? Status()
                           : Status(Fail(ErrorCode::kUnavailable, "the endpoint is not open yet"));
         }});
    endpoints.metrics = [this] {
      leading_.RefreshMetrics();
      return metrics_->families().Serialise();
    };
    PLIMSOLL_ASSIGN_OR_RETURN(const http::Router health, http::HealthRouter(std::move(endpoints)));
    std::vector<http::Route> routes(health.routes().begin(), health.routes().end());
    routes.push_back(ingest::KeptEvidenceRoute(kept_evidence_));
    PLIMSOLL_ASSIGN_OR_RETURN(http::Router router, http::Router::Create(std::move(routes)));
    PLIMSOLL_ASSIGN_OR_RETURN(health_,
                              http::Server::Create({.address = options_.metrics_listen.address,
                                                    .port = options_.metrics_listen.port,
                                                    .security = http::Security::kPlain,
                                                    .name = "health"},
                                                   std::move(router), &auditors_, clock_));
    return {};
  }

  Status StartEvidence() {
    context_.emplace(ingest::IngestDependencies{
        .clock = clock_,
        .random = random_,
        .logger = logger_,
        .metrics = *metrics_,
        .nodes = caches_.nodes,
        .identities = caches_.identities,
        .attestations = caches_.attestations,
        .picture = picture_,
        .currency = currency_,
        .recorder = recorder_,
        .binding = binding_,
        .changes = changes_,
        .store = store_,
        .events = node_events_,
        .cluster_uid = cluster_uid_,
        .log_memory_bytes = static_cast<size_t>(options_.log_memory_mib) << 20U,
        .kept_evidence = &kept_evidence_});
    PLIMSOLL_ASSIGN_OR_RETURN(http::Router router, http::Router::Create(ingest::Routes(*context_)));
    PLIMSOLL_ASSIGN_OR_RETURN(
        auto server,
        http::Server::Create(
            {.address = options_.listen.address, .port = options_.listen.port, .name = "evidence"},
            std::move(router), &authenticator_, clock_, metrics_.get()));
    {
      const std::lock_guard lock(certificate_mutex_);
      evidence_ = std::move(server);
    }
    for (const auto& present : caches_.serving_tls.List()) {
      UseCertificate(present.get());
    }
    serving_ = true;
    return {};
  }

  void UseCertificate(const tls::ServingTls* tls) {
    const std::lock_guard lock(certificate_mutex_);
    if (tls == nullptr || !evidence_) {
      return;
    }
    const Status used = evidence_->SetServingCertificate(tls->certificate, tls->key);
    if (used) {
      certified_ = true;
      logger_.Info("serving certificate in use", {{"secret", tls->meta.name}});
    } else {
      logger_.Warning("the serving certificate cannot be used; the present one stays",
                      {{"error", used.error().message}});
    }
  }

  // Teardown: take no evidence any more, then lead no more, then forget.
  int End(int code) {
    serving_ = false;
    if (evidence_) {
      evidence_->Stop(kDrain);
    }
    leading_.Stop();
    caches_.Stop();
    texts_.Stop();
    health_->Stop(std::chrono::milliseconds(500));
    return code;
  }

  const Options& options_;
  telemetry::Logger& logger_;
  SystemClock clock_;
  crypto::SystemRandom random_;
  std::unique_ptr<ProgramMetrics> metrics_;
  std::unique_ptr<transport::Transport> transport_;
  kube::Client client_;
  Caches caches_;
  policies::TextWatch texts_;
  policies::References references_;
  policies::Rollouts rollouts_;
  policies::Picture picture_;
  policies::Currency currency_;
  record::Recorder recorder_;
  kube::EventRecorder events_;
  identity::NodeEvents node_events_;
  identity::EndorsementJudge judge_;
  const identity::Dependencies identity_;
  identity::Binding binding_;
  identity::IdentityChanges changes_;
  identity::IdentityStore store_;
  std::atomic<bool> leadership_lost_ = false;
  Leading leading_;
  kube::TokenReviewer reviewer_;
  ingest::AgentAuthenticator authenticator_;
  ingest::EvidenceKeeper kept_evidence_;
  ingest::AuditorAuthenticator auditors_;

  std::string cluster_uid_;
  std::atomic<bool> certified_ = false;
  std::atomic<bool> serving_ = false;
  std::optional<ingest::IngestContext> context_;
  std::mutex certificate_mutex_;
  std::unique_ptr<http::Server> evidence_;  // pointer set under certificate_mutex_
  std::unique_ptr<http::Server> health_;
};

}  // namespace

int Run(const Options& options) {
  BlockSignals();
  const std::unique_ptr<telemetry::Logger> logger =
      telemetry::MakeLogger({.format = options.log_format, .level = options.log_level});
  transport::InitialiseTransportThreads(2);
  auto metrics = ProgramMetrics::Create();
  auto cluster = FindCluster(options);
  if (!metrics || !cluster) {
    logger->Error("cannot start",
                  {{"error", metrics ? cluster.error().message : metrics.error().message}});
    return kExitCannotStart;
  }
  cluster->transport.user_agent = "plimsoll-controller/" PLIMSOLL_VERSION;
  auto transport = transport::MakeTransport(std::move(cluster->transport));
  if (!transport) {
    logger->Error("cannot start", {{"error", transport.error().message}});
    return kExitCannotStart;
  }
  Program program(options, *logger, *std::move(metrics), *std::move(transport));
  return program.Run();
}

}  // namespace plimsoll::controller
