#include "unit/kube/tls_server.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>

namespace plimsoll::transport {
namespace {

std::string PemOf(X509* certificate) {
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(bio, certificate);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string pem(data, static_cast<size_t>(size));
  BIO_free(bio);
  return pem;
}

std::string PemOf(EVP_PKEY* key) {
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string pem(data, static_cast<size_t>(size));
  BIO_free(bio);
  return pem;
}

void AddExtension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  if (extension == nullptr) {
    throw std::runtime_error("bad extension " + value);
  }
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

X509* Build(EVP_PKEY* key, const std::string& name, X509* issuer, EVP_PKEY* issuer_key,
            const std::vector<std::pair<int, std::string>>& extensions) {
  static std::atomic<long> serial = 1;
  X509* certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_set_pubkey(certificate, key);
  X509_NAME* subject = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509* signer = issuer == nullptr ? certificate : issuer;
  X509_set_issuer_name(certificate, X509_get_subject_name(signer));
  for (const auto& [nid, value] : extensions) {
    AddExtension(certificate, signer, nid, value);
  }
  X509_sign(certificate, issuer_key, EVP_sha256());
  return certificate;
}

}  // namespace

TestCa::TestCa() : key_(EVP_EC_gen("P-256")) {
  certificate_ = Build(key_, "test CA", nullptr, key_,
                       {{NID_basic_constraints, "critical,CA:TRUE"},
                        {NID_key_usage, "critical,keyCertSign,cRLSign"},
                        {NID_subject_key_identifier, "hash"}});
  pem_ = PemOf(certificate_);
}

TestCa::~TestCa() {
  X509_free(certificate_);
  EVP_PKEY_free(key_);
}

Identity TestCa::Issue(const std::string& common_name, const std::string& names) const {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  std::vector<std::pair<int, std::string>> extensions = {
      {NID_basic_constraints, "critical,CA:FALSE"}, {NID_ext_key_usage, "serverAuth,clientAuth"}};
  if (!names.empty()) {
    extensions.emplace_back(NID_subject_alt_name, names);
  }
  X509* certificate = Build(key, common_name, certificate_, key_, extensions);
  Identity identity{PemOf(certificate), PemOf(key)};
  X509_free(certificate);
  EVP_PKEY_free(key);
  return identity;
}

std::string TlsConnection::ReadRequest() {
  while (true) {
    const size_t end = rest_.find("\r\n\r\n");
    if (end != std::string::npos) {
      size_t size = end + 4;
      const size_t length = rest_.find("Content-Length:");
      if (length < end) {
        size += std::stoul(rest_.substr(length + 15));
      }
      if (rest_.size() >= size) {
        std::string request = rest_.substr(0, size);
        rest_.erase(0, size);
        return request;
      }
    }
    char buffer[4096];
    const int got = SSL_read(ssl_, buffer, sizeof(buffer));
    if (got <= 0) {
      return {};
    }
    rest_.append(buffer, static_cast<size_t>(got));
  }
}

bool TlsConnection::Write(const std::string& text) {
  return SSL_write(ssl_, text.data(), static_cast<int>(text.size())) > 0;
}

void TlsConnection::WaitForClose() {
  char buffer[256];
  while (SSL_read(ssl_, buffer, sizeof(buffer)) > 0) {
  }
}

TlsServer::TlsServer(TlsServerOptions options, Handler handler)
    : context_(SSL_CTX_new(TLS_server_method())), handler_(std::move(handler)) {
  BIO* bio = BIO_new_mem_buf(options.identity.certificate.data(), -1);
  X509* certificate = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
  SSL_CTX_use_certificate(context_, certificate);
  X509_free(certificate);
  BIO_free(bio);
  bio = BIO_new_mem_buf(options.identity.key.data(), -1);
  EVP_PKEY* key = PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr);
  SSL_CTX_use_PrivateKey(context_, key);
  EVP_PKEY_free(key);
  BIO_free(bio);
  SSL_CTX_set_max_proto_version(context_, options.max_version);
  if (!options.client_ca_pem.empty()) {
    bio = BIO_new_mem_buf(options.client_ca_pem.data(), -1);
    X509* ca = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context_), ca);
    X509_free(ca);
    BIO_free(bio);
    SSL_CTX_set_verify(context_, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (bind(listener_, generic, size) != 0 || listen(listener_, 16) != 0 ||
      getsockname(listener_, generic, &size) != 0) {
    throw std::runtime_error("cannot listen");
  }
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { Accept(); });
}

TlsServer::~TlsServer() {
  shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  close(listener_);
  {
    const std::lock_guard lock(mutex_);
    for (const int fd : sockets_) {
      shutdown(fd, SHUT_RDWR);
    }
  }
  for (std::thread& thread : threads_) {
    thread.join();
  }
  SSL_CTX_free(context_);
}

void TlsServer::Accept() {
  // Writing to a client that has gone must not end the program; the threads made here inherit this.
  sigset_t pipe;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
  while (true) {
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) {
      return;
    }
    ++accepted_;
    ++open_;
    const std::lock_guard lock(mutex_);
    sockets_.push_back(fd);
    threads_.emplace_back([this, fd] { Serve(fd); });
  }
}

void TlsServer::Serve(int fd) {
  SSL* ssl = SSL_new(context_);
  SSL_set_fd(ssl, fd);
  if (SSL_accept(ssl) == 1) {
    {
      const std::lock_guard lock(mutex_);
      const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
      server_names_.emplace_back(name == nullptr ? "" : name);
      X509* peer = SSL_get1_peer_certificate(ssl);
      if (peer != nullptr) {
        char subject[256];
        X509_NAME_oneline(X509_get_subject_name(peer), subject, sizeof(subject));
        client_subjects_.emplace_back(subject);
        X509_free(peer);
      }
    }
    TlsConnection connection(ssl);
    while (true) {
      const std::string request = connection.ReadRequest();
      if (request.empty()) {
        break;
      }
      {
        const std::lock_guard lock(mutex_);
        requests_.push_back(request);
      }
      if (!handler_(connection, request)) {
        break;
      }
    }
  }
  ERR_clear_error();
  SSL_free(ssl);
  {
    const std::lock_guard lock(mutex_);
    sockets_.erase(std::find(sockets_.begin(), sockets_.end(), fd));
  }
  close(fd);
  --open_;
}

std::vector<std::string> TlsServer::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}
std::vector<std::string> TlsServer::server_names() const {
  const std::lock_guard lock(mutex_);
  return server_names_;
}
std::vector<std::string> TlsServer::client_subjects() const {
  const std::lock_guard lock(mutex_);
  return client_subjects_;
}

std::string Response(int status, const std::string& body, const std::string& headers) {
  return "HTTP/1.1 " + std::to_string(status) +
         " Some\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + headers + "\r\n" +
         body;
}

}  // namespace plimsoll::transport
