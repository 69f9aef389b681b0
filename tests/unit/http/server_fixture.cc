#include "unit/http/server_fixture.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

namespace plimsoll::http {
namespace {

Authentication Refuse(int status, std::string_view reason, bool counts) {
  return tl::unexpected(Refusal{.response = ProblemResponse(status, reason, "refused by the test"),
                                .counts = counts});
}

std::string TextOf(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<size_t>(size)};
}

}  // namespace

Authentication FakeAuthenticator::Authenticate(const RequestHead& head) {
  {
    const std::lock_guard lock(mutex_);
    heads_.push_back(head);
  }
  if (head.realm == "auditor") {
    if (head.plimsoll_token == "audit") {
      return std::make_shared<TestPrincipal>("auditor");
    }
    return Refuse(401, "Unauthenticated", true);
  }
  const std::string token = head.authorization.value_or("");
  if (token == "Bearer limited") {
    return Refuse(429, "TooManyRequests", false);
  }
  if (token == "Bearer unchecked") {
    return Refuse(503, "AuthenticationUnavailable", false);
  }
  if (token == "Bearer nobody") {
    return std::shared_ptr<const Principal>();
  }
  if (token == "Bearer throws") {
    throw std::runtime_error("the authenticator broke");
  }
  if (token == "Bearer slow") {
    gate_.Wait();
    return std::make_shared<TestPrincipal>("slow");
  }
  if (token.starts_with("Bearer good")) {
    return std::make_shared<TestPrincipal>(token);
  }
  return Refuse(401, "Unauthenticated", true);
}

void RecordingObserver::OnRequest(const RequestRecord& record) {
  const std::lock_guard lock(mutex_);
  requests_.push_back({.route = std::string(record.route),
                       .method = record.method,
                       .status = record.status,
                       .request_bytes = record.request_bytes,
                       .response_bytes = record.response_bytes});
}

void RecordingObserver::OnDrop(DropReason reason, std::string_view /*remote_address*/) {
  const std::lock_guard lock(mutex_);
  drops_.push_back(reason);
}

void RecordingObserver::OnDefect(std::string_view /*route*/, std::string_view what) {
  const std::lock_guard lock(mutex_);
  defects_.emplace_back(what);
}

std::vector<RecordingObserver::Entry> RecordingObserver::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

int RecordingObserver::drops(DropReason reason) const {
  const std::lock_guard lock(mutex_);
  return static_cast<int>(std::count(drops_.begin(), drops_.end(), reason));
}

std::vector<std::string> RecordingObserver::defects() const {
  const std::lock_guard lock(mutex_);
  return defects_;
}

TestCertificate MakeCertificate(const std::string& common_name) {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"),
                                                                &EVP_PKEY_free);
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), &X509_free);
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1,
                             0);
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate.get()));
  X509_set_pubkey(certificate.get(), key.get());
  X509_sign(certificate.get(), key.get(), EVP_sha256());
  const std::unique_ptr<BIO, decltype(&BIO_free_all)> chain_bio(BIO_new(BIO_s_mem()),
                                                                &BIO_free_all);
  const std::unique_ptr<BIO, decltype(&BIO_free_all)> key_bio(BIO_new(BIO_s_mem()), &BIO_free_all);
  PEM_write_bio_X509(chain_bio.get(), certificate.get());
  PEM_write_bio_PrivateKey(key_bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  return {.chain_pem = TextOf(chain_bio.get()), .key_pem = TextOf(key_bio.get())};
}

Secret AsSecret(const std::string& text) { return Secret(ToBytes(AsBytes(text))); }

bool Eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) {
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

std::vector<Route> TestRoutes(Gate& gate) {
  const auto size_of_body = [](const Request& request) {
    return JsonResponse(200, std::to_string(request.body.size()));
  };
  return {
      {.method = Method::kGet,
       .pattern = "/v1/cluster",
       .handler =
           [](const Request& request) {
             const auto* principal = request.principal_as<TestPrincipal>();
             return JsonResponse(200, '"' + (principal ? principal->node : "nobody") + '"');
           },
       .realm = "agent"},
      {.method = Method::kGet,
       .pattern = "/v1/nodes/{name}/evidence",
       .handler =
           [](const Request& request) {
             return JsonResponse(200, '"' + request.parameters.find("name")->second + '"');
           },
       .realm = "auditor"},
      {.method = Method::kGet,
       .pattern = "/v1/large",
       .handler = [](const Request&) { return JsonResponse(200, std::string(1 << 20, 'x')); },
       .realm = "agent"},
      {.method = Method::kGet,
       .pattern = "/v1/throws",
       .handler = [](const Request&) -> Response { throw std::runtime_error("secret detail"); },
       .realm = "agent"},
      {.method = Method::kPost,
       .pattern = "/v1/small",
       .handler = size_of_body,
       .max_body_bytes = kMaxSmallBodyBytes,
       .realm = "agent"},
      {.method = Method::kPost,
       .pattern = "/v1/evidence",
       .handler = size_of_body,
       .max_body_bytes = kMaxEvidenceBodyBytes,
       .realm = "agent"},
      {.method = Method::kPost,
       .pattern = "/v1/blocked",
       .handler =
           [&gate](const Request&) {
             gate.Wait();
             return NoContent();
           },
       .max_body_bytes = kMaxEvidenceBodyBytes,
       .realm = "agent"},
      {.method = Method::kGet,
       .pattern = "/public",
       .handler = [](const Request&) { return TextResponse(200, "ok"); },
       .access = Access::kPublic},
  };
}

ServerTest::~ServerTest() {
  gate_.Open();
  server_.reset();
}

void ServerTest::Start(Security security) {
  auto router = Router::Create(TestRoutes(gate_));
  ASSERT_TRUE(router) << router.error().message;
  auto server = Server::Create(
      {.address = "127.0.0.1", .port = 0, .security = security, .limits = limits_, .name = "test"},
      *std::move(router), &authenticator_, clock_, &observer_);
  ASSERT_TRUE(server) << server.error().message;
  server_ = *std::move(server);
}

void ServerTest::StartTls() {
  Start(Security::kTls);
  const TestCertificate certificate = MakeCertificate("first");
  ASSERT_TRUE(server_->SetServingCertificate(certificate.chain_pem, AsSecret(certificate.key_pem)));
}

std::string ServerTest::Get(std::string_view target, std::string_view token) {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer " +
         std::string(token) + "\r\n\r\n";
}

std::string ServerTest::Post(std::string_view target, std::string_view body,
                             std::string_view token) {
  return "POST " + std::string(target) + " HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer " +
         std::string(token) + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}

bool ServerTest::Serves(const std::string& source) {
  RawClient client = Client(source);
  const auto response = client.Ask(Get("/v1/cluster"));
  return response && response->status == 200;
}

std::string Reason(const RawResponse& response) {
  if (response.header("content-type") != "application/problem+json") {
    return "";
  }
  const auto problem = nlohmann::json::parse(response.body, nullptr, false);
  return problem.is_object() ? problem.value("reason", "") : "";
}

}  // namespace plimsoll::http
