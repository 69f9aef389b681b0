// The bytes of one connection, in pieces: what the server reads, lets through and answers.
//
// The first byte is the size of the pieces. The connection is one end of a socket pair, which the
// server's code takes for a TCP socket; its I/O thread is the fuzzer's own.

#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cctype>
#include <chrono>
#include <cstdint>

#include "fuzz/expect.h"
#include "http/connection.h"
#include "http/server_core.h"

namespace plimsoll::http {
namespace {

using boost::asio::ip::tcp;
using fuzz::Expect;

constexpr size_t kMaxBody = 300;
constexpr size_t kMaxPieces = 64;

struct Node final : Principal {
  std::string_view name() const override { return "node/a"; }
};

// A head that reaches anyone has passed the checks that message.h promises.
void ExpectNormalised(const RequestHead& head) {
  Expect(head.path.starts_with('/'), "paths begin with a slash");
  Expect(head.path.find("//") == std::string::npos && head.path.find("/../") == std::string::npos &&
             !head.path.ends_with("/..") && head.path.find("/./") == std::string::npos &&
             !head.path.ends_with("/."),
         "paths are normalised");
  for (const char c : head.path) {
    Expect(c > 0x20 && c < 0x7F && c != '\\', "paths are printable ASCII");
  }
  Expect(!head.route.empty(), "a route was found");
  for (const auto& [name, value] : head.parameters) {
    Expect(!value.empty() && value.find('/') == std::string::npos, "a parameter is one segment");
  }
  Expect(head.path.size() <= kMaxHeaderBytes, "heads are bounded");
}

class Doorkeeper final : public Authenticator {
 public:
  Authentication Authenticate(const RequestHead& head) override {
    ExpectNormalised(head);
    if (head.authorization == "Bearer good") {
      return std::make_shared<Node>();
    }
    return tl::unexpected(Refusal{.response = ProblemResponse(401, "Unauthenticated", "who?")});
  }
};

Response Handle(const Request& request) {
  ExpectNormalised(request);
  Expect(request.body.size() <= kMaxBody, "bodies are bounded");
  Expect(request.realm == "public" || request.principal != nullptr, "nobody comes in unasked");
  return TextResponse(200, request.body);
}

Router Routes() {
  return Router::Create({
                            {.method = Method::kGet, .pattern = "/v1/cluster", .handler = Handle},
                            {.method = Method::kPost,
                             .pattern = "/v1/nodes/{name}/evidence",
                             .handler = Handle,
                             .max_body_bytes = kMaxBody},
                            {.method = Method::kPut,
                             .pattern = "/open/{id}",
                             .handler = Handle,
                             .max_body_bytes = kMaxBody,
                             .access = Access::kPublic,
                             .realm = "public"},
                            {.method = Method::kGet,
                             .pattern = "/healthz",
                             .handler = Handle,
                             .access = Access::kPublic,
                             .realm = "public"},
                        })
      .value();
}

ServerOptions Options() {
  ServerOptions options{.security = Security::kPlain, .limits = {}, .name = "fuzz"};
  options.limits.handler_threads = 1;
  options.limits.authentication_threads = 1;
  return options;
}

class Watcher final : public Observer {
 public:
  void OnDefect(std::string_view /*route*/, std::string_view /*what*/) override {
    Expect(false, "no handler throws");
  }
};

class OneServer {
 public:
  // Feeds one connection and gives back all that it was answered.
  std::string Serve(ByteSpan input, size_t piece) {
    int ends[2];
    Expect(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0, "a socket pair");
    tcp::socket socket(core_.io);
    socket.assign(tcp::v4(), ends[0]);
    const ConnectionId id = next_id_++;
    (void)core_.table.Add(id, "192.0.2.1");
    core_.connections.emplace(
        id, std::make_shared<Connection>(core_, id, std::move(socket), "192.0.2.1", TlsContext()));
    core_.PublishCounts();
    core_.connections.at(id)->Start();

    std::string answers;
    for (size_t pieces = 0; !input.empty(); ++pieces) {
      const size_t size = pieces < kMaxPieces ? std::min(piece, input.size()) : input.size();
      // A server that has enough closes: what is sent then is lost.
      (void)::send(ends[1], input.data(), size, MSG_NOSIGNAL | MSG_DONTWAIT);
      input = input.subspan(size);
      core_.io.poll();
      Receive(ends[1], answers);
    }
    ::shutdown(ends[1], SHUT_WR);
    while (core_.connections.contains(id)) {
      core_.io.run_one_for(std::chrono::milliseconds(100));
      Receive(ends[1], answers);
    }
    core_.io.poll();
    Receive(ends[1], answers);
    ::close(ends[1]);
    Expect(core_.table.size() == 0, "a connection that is gone is in no book");
    Expect(core_.budget.reserved() == 0, "and holds no memory");
    return answers;
  }

 private:
  static void Receive(int end, std::string& answers) {
    char buffer[4096];
    for (ssize_t got = 0; (got = ::recv(end, buffer, sizeof buffer, MSG_DONTWAIT)) > 0;) {
      answers.append(buffer, static_cast<size_t>(got));
    }
  }

  SystemClock clock_;
  Doorkeeper doorkeeper_;
  Watcher watcher_;
  ServerCore core_{Options(), Routes(), &doorkeeper_, clock_, &watcher_};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
      core_.io.get_executor()};
  ConnectionId next_id_ = 1;
};

}  // namespace
}  // namespace plimsoll::http

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // Never destroyed: its threads would have to end in an order of their own.
  static auto* const server = new plimsoll::http::OneServer;
  if (size == 0) {
    return 0;
  }
  const size_t piece = data[0] == 0 ? size : data[0];
  const std::string answers = server->Serve({data + 1, size - 1}, piece);
  plimsoll::fuzz::Expect(answers.empty() || answers.starts_with("HTTP/1.1 "),
                         "an answer is one of HTTP/1.1");
  return 0;
}
