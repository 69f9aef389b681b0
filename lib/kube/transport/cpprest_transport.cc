// The only file that uses the HTTP library (cpprestsdk). Its faults that are worked around here: it
// follows redirects with the token, trusts the system's CAs beside ours, has no total timeout and
// no body cap, ends the process on unobserved failures, and leaks the connection of a dropped
// response.

#include <cpprest/http_client.h>
#include <netinet/tcp.h>
#include <pplx/threadpool.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <future>
#include <stdexcept>

#include "kube/transport/pending.h"
#include "kube/transport/tls_credentials.h"
#include "kube/transport/transport.h"

namespace plimsoll::transport {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kChunkBytes = size_t{64} * 1024;

// The library's own idle timer; all real deadlines are ours and shorter.
constexpr std::chrono::minutes kLibraryTimeout{30};

// How long a cancelled request may take to let go of its connection.
constexpr std::chrono::seconds kCancelGrace{5};

// How long an answered request may take to give its connection back: without waiting, the next
// request would often open another one.
constexpr std::chrono::milliseconds kReleaseGrace{100};

// A peer that has vanished without a word is noticed after idle + interval * count.
constexpr int kKeepAliveIdleSeconds = 15;
constexpr int kKeepAliveIntervalSeconds = 5;
constexpr int kKeepAliveCount = 3;

bool IsPrintable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c != '\x7f'; });
}

// The library writes what it is given: a line break would begin another header.
Status CheckWritable(const HttpRequest& request) {
  if (request.path_and_query.empty() || request.path_and_query.front() != '/' ||
      !IsPrintable(request.path_and_query) ||
      request.path_and_query.find(' ') != std::string::npos) {
    return Fail(ErrorCode::kMalformed, "the request has no valid path");
  }
  for (const auto& [name, value] : request.headers) {
    if (name.empty() || !IsPrintable(name) || name.find_first_of(" :") != std::string::npos ||
        !IsPrintable(value)) {
      return Fail(ErrorCode::kMalformed, "the request has an invalid header");
    }
  }
  return {};
}

// Called before every request with the connection it will use, which is not open when it is new.
// Opening it here is the only chance to set socket options, and needs to know the address family,
// so it is done for IPv4 addresses alone.
void KeepAlive(web::http::client::native_handle handle) {
  auto* stream = static_cast<boost::asio::ssl::stream<boost::asio::ip::tcp::socket&>*>(handle);
  boost::asio::ip::tcp::socket& socket = stream->next_layer();
  if (socket.is_open()) {
    return;
  }
  boost::system::error_code ignored;  // without keep-alive the watch still ends by its timeout
  socket.open(boost::asio::ip::tcp::v4(), ignored);
  socket.set_option(boost::asio::socket_base::keep_alive(true), ignored);
  const auto set = [&socket](int option, int value) {
    (void)setsockopt(socket.native_handle(), IPPROTO_TCP, option, &value, sizeof(value));
  };
  set(TCP_KEEPIDLE, kKeepAliveIdleSeconds);
  set(TCP_KEEPINTVL, kKeepAliveIntervalSeconds);
  set(TCP_KEEPCNT, kKeepAliveCount);
}

HttpResponse HeadOf(const web::http::http_response& response) {
  HttpResponse head;
  head.status = response.status_code();
  for (const auto& [name, value] : response.headers()) {
    head.headers.emplace_back(name, value);
  }
  return head;
}

// A request that has been answered, and whose body is being read. Ends the request when it goes.
class Exchange {
 public:
  static Result<std::unique_ptr<Exchange>> Start(web::http::client::http_client& client,
                                                 web::http::http_request request,
                                                 Clock::time_point deadline, std::stop_token stop) {
    auto exchange = std::make_unique<Exchange>();
    // The library drops this handler with the request, just after it has put the connection back
    // into its pool, and the future is ready then.
    auto released = std::make_shared<std::promise<void>>();
    exchange->released_ = released->get_future();
    request.set_progress_handler(
        [released](web::http::message_direction::direction /*way*/, utility::size64_t /*size*/) {});
    released.reset();
    auto response = WaitFor(client.request(std::move(request), exchange->cancel_.get_token()),
                            deadline, stop, exchange->cancel_);
    if (!response) {
      return tl::unexpected(response.error());
    }
    exchange->response_ = *std::move(response);
    exchange->running_ = true;
    return exchange;
  }

  ~Exchange() {
    if (!running_) {
      return;
    }
    Cancel();
    try {
      (void)WaitFor(response_.content_ready(), Clock::now() + kCancelGrace, {}, cancel_);
    } catch (const std::exception&) {
      // It has ended, since there is nothing to wait for.
    }
  }

  HttpResponse Head() const { return HeadOf(response_); }

  // Appends the next piece of the body. 0 at its regular end.
  Result<size_t> Read(std::string& out, Clock::time_point deadline, std::stop_token stop) {
    const auto buffer = buffer_;
    auto body = response_.body().streambuf();
    // A read of many bytes waits until all have come, unless the buffer is told to give what it
    // has. Being told so when it is empty does nothing, so the first byte is waited for alone.
    PLIMSOLL_ASSIGN_OR_RETURN(
        const size_t first, WaitFor(body.getn(buffer->data(), 1), deadline, stop, cancel_, buffer));
    if (first == 0) {
      return Finish(deadline, stop);
    }
    (void)WaitFor(body.sync().then([] { return true; }), deadline, stop, cancel_);
    size_t size = 1;
    uint8_t next = 0;
    if (body.scopy(&next, 1) == 1) {
      PLIMSOLL_ASSIGN_OR_RETURN(const size_t more,
                                WaitFor(body.getn(buffer->data() + 1, buffer->size() - 1), deadline,
                                        stop, cancel_, buffer));
      size += more;
    }
    out.append(reinterpret_cast<const char*>(buffer->data()), size);
    return size;
  }

  void Cancel() {
    try {
      cancel_.cancel();
    } catch (const std::exception&) {
      // Nothing left to cancel.
    }
  }

 private:
  // The end of the body is also what a broken connection looks like.
  Result<size_t> Finish(Clock::time_point deadline, std::stop_token stop) {
    PLIMSOLL_RETURN_IF_ERROR(WaitFor(response_.content_ready(), deadline, stop, cancel_));
    running_ = false;
    released_.wait_for(kReleaseGrace);
    return 0;
  }

  pplx::cancellation_token_source cancel_;
  web::http::http_response response_;
  std::future<void> released_;  // ready when nothing holds the library's request any more
  std::shared_ptr<std::vector<uint8_t>> buffer_ =
      std::make_shared<std::vector<uint8_t>>(kChunkBytes);
  bool running_ = false;
};

class CpprestStream final : public Stream {
 public:
  explicit CpprestStream(std::unique_ptr<Exchange> exchange) : exchange_(std::move(exchange)) {}

  Result<size_t> Read(std::string& out, std::chrono::milliseconds idle,
                      std::stop_token stop) override {
    try {
      return exchange_->Read(out, Clock::now() + idle, stop);
    } catch (const std::exception& error) {
      return Fail(ErrorCode::kUnavailable, std::string("stream failed: ") + error.what(),
                  Retry::kBackoff);
    }
  }

  void Cancel() override { exchange_->Cancel(); }

 private:
  const std::unique_ptr<Exchange> exchange_;
};

class CpprestTransport final : public Transport {
 public:
  CpprestTransport(TransportOptions options, const web::uri& base,
                   const web::http::client::http_client_config& config)
      : options_(std::move(options)), client_(base, config) {}

  Result<HttpResponse> Send(const HttpRequest& request, std::stop_token stop) override {
    try {
      const Clock::time_point deadline = Clock::now() + request.timeout;
      PLIMSOLL_ASSIGN_OR_RETURN(const auto exchange, Begin(request, deadline, stop));
      return Receive(*exchange, deadline, stop);
    } catch (const std::exception& error) {
      return Unexpected(error);
    }
  }

  Result<StreamResponse> OpenStream(const HttpRequest& request, std::stop_token stop) override {
    try {
      const Clock::time_point deadline = Clock::now() + request.timeout;
      PLIMSOLL_ASSIGN_OR_RETURN(auto exchange, Begin(request, deadline, stop));
      StreamResponse response;
      response.head = exchange->Head();
      if (response.head.status == web::http::status_codes::OK) {
        response.stream = std::make_unique<CpprestStream>(std::move(exchange));
        return response;
      }
      PLIMSOLL_ASSIGN_OR_RETURN(response.head, Receive(*exchange, deadline, stop));
      return response;
    } catch (const std::exception& error) {
      return Unexpected(error);
    }
  }

 private:
  // The library's request must be gone when this returns: see Exchange::released_.
  Result<std::unique_ptr<Exchange>> Begin(const HttpRequest& request, Clock::time_point deadline,
                                          std::stop_token stop) {
    PLIMSOLL_ASSIGN_OR_RETURN(web::http::http_request message, Compose(request));
    return Exchange::Start(client_, std::move(message), deadline, stop);
  }

  Result<web::http::http_request> Compose(const HttpRequest& request) const {
    PLIMSOLL_RETURN_IF_ERROR(CheckWritable(request));
    web::http::http_request message(request.method);
    message.set_request_uri(web::uri(request.path_and_query));
    std::string content_type = "application/json";
    for (const auto& [name, value] : request.headers) {
      if (name == "Content-Type") {
        content_type = value;
      } else {
        message.headers().add(name, value);
      }
    }
    if (!options_.server_name.empty()) {
      // The library takes the name it checks and the SNI from here.
      message.headers().add("Host", options_.server_name);
    }
    message.headers().add("User-Agent", options_.user_agent);
    if (options_.bearer_token) {
      PLIMSOLL_ASSIGN_OR_RETURN(const std::string token, options_.bearer_token());
      if (token.empty() || !IsPrintable(token)) {
        return Fail(ErrorCode::kMalformed, "the bearer token is not a line of text",
                    Retry::kRefreshCredentials);
      }
      message.headers().add("Authorization", "Bearer " + token);
    }
    if (!request.body.empty()) {
      message.set_body(request.body, content_type);
    }
    return message;
  }

  Result<HttpResponse> Receive(Exchange& exchange, Clock::time_point deadline,
                               std::stop_token stop) const {
    HttpResponse response = exchange.Head();
    while (true) {
      PLIMSOLL_ASSIGN_OR_RETURN(const size_t size, exchange.Read(response.body, deadline, stop));
      if (size == 0) {
        return response;
      }
      if (response.body.size() > options_.max_body_bytes) {
        return Fail(ErrorCode::kTooLarge, "the response is over the size limit");
      }
    }
  }

  static tl::unexpected<Error> Unexpected(const std::exception& error) {
    return Fail(ErrorCode::kUnavailable, std::string("request failed: ") + error.what(),
                Retry::kBackoff);
  }

  const TransportOptions options_;
  web::http::client::http_client client_;
};

}  // namespace

Result<std::unique_ptr<Transport>> MakeTransport(TransportOptions options) {
  try {
    const web::uri base(options.base_url);
    if (base.scheme() != "https" || base.host().empty() || !base.user_info().empty() ||
        !base.query().empty() || !base.fragment().empty() || base.port() > 65535) {
      return Fail(ErrorCode::kMalformed, "the server's URL is not https://host[:port][/prefix]");
    }
    if (base.host().find_first_of("[:") != std::string::npos) {
      return Fail(ErrorCode::kUnsupported, "the server's URL names an IPv6 address");
    }
    if (!IsPrintable(options.server_name) || !IsPrintable(options.user_agent)) {
      return Fail(ErrorCode::kMalformed, "the server name or user agent is not a line of text");
    }
    std::string name = options.server_name.empty() ? base.host() : options.server_name;
    PLIMSOLL_ASSIGN_OR_RETURN(TlsCredentials parsed, TlsCredentials::Parse(options, name));
    const auto credentials = std::make_shared<const TlsCredentials>(std::move(parsed));

    web::http::client::http_client_config config;
    config.set_max_redirects(0);
    config.set_timeout(kLibraryTimeout);
    config.set_proxy(web::web_proxy(web::web_proxy::disabled));
    config.set_ssl_context_callback([credentials](boost::asio::ssl::context& context) {
      if (!credentials->Configure(context.native_handle())) {
        throw std::runtime_error("OpenSSL refused the TLS settings");
      }
    });
    boost::system::error_code not_an_address;
    (void)boost::asio::ip::make_address_v4(base.host(), not_an_address);
    if (!not_an_address) {
      config.set_nativehandle_options(KeepAlive);
    }
    return std::make_unique<CpprestTransport>(std::move(options), base, config);
  } catch (const std::exception& error) {
    return Fail(ErrorCode::kMalformed, std::string("the server's URL is refused: ") + error.what());
  }
}

void InitialiseTransportThreads(size_t threads) {
  try {
    crossplat::threadpool::initialize_with_threads(threads);
  } catch (const std::exception&) {
    // Already running: a second call, or a transport that was made before.
  }
}

}  // namespace plimsoll::transport
