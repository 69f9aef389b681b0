#include "http/server.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "http/connection.h"
#include "http/server_core.h"
#include "http/tls_context.h"

namespace plimsoll::http {
namespace {

namespace asio = boost::asio;
using Tcp = asio::ip::tcp;

// How long accepting rests when nothing could be evicted to make a descriptor free.
constexpr std::chrono::milliseconds kAcceptPause(100);

// An IPv4 client of a dual-stack socket has one name, not two.
std::string SourceOf(const Tcp::endpoint& peer) {
  const asio::ip::address address = peer.address();
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).to_string();
  }
  return address.to_string();
}

bool OutOfDescriptors(const boost::system::error_code& error) {
  return error == asio::error::no_descriptors || error.value() == ENFILE ||
         error == asio::error::no_memory || error == asio::error::no_buffer_space;
}

}  // namespace

class Server::Impl {
 public:
  Impl(ServerOptions options, Router router, Authenticator* authenticator, const Clock& clock,
       Observer* observer)
      : core_(std::move(options), std::move(router), authenticator, clock, observer),
        acceptor_(core_.io),
        pause_(core_.io),
        work_(core_.io.get_executor()) {}

  ~Impl() {
    Stop(std::chrono::milliseconds(0));
    if (reserve_descriptor_ >= 0) {
      ::close(reserve_descriptor_);
    }
  }

  Status Listen() {
    boost::system::error_code error;
    const asio::ip::address address = asio::ip::make_address(core_.options.address, error);
    if (error) {
      return Fail(ErrorCode::kMalformed, "not an IP address: " + core_.options.address);
    }
    const Tcp::endpoint endpoint(address, core_.options.port);
    acceptor_.open(endpoint.protocol(), error);
    if (!error && address.is_v6()) {
      acceptor_.set_option(asio::ip::v6_only(false), error);
    }
    if (!error) {
      acceptor_.set_option(Tcp::acceptor::reuse_address(true), error);
    }
    if (!error) {
      acceptor_.bind(endpoint, error);
    }
    if (!error) {
      acceptor_.listen(asio::socket_base::max_listen_connections, error);
    }
    if (!error) {
      port_ = acceptor_.local_endpoint(error).port();
    }
    if (error) {
      return Fail(ErrorCode::kUnavailable, "listen on " + core_.options.address + " port " +
                                               std::to_string(core_.options.port) + ": " +
                                               error.message());
    }
    reserve_descriptor_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    Accept();
    thread_ = std::jthread([this] {
      pthread_setname_np(pthread_self(), (core_.options.name + "-io").c_str());
      core_.io.run();
    });
    return {};
  }

  Status SetServingCertificate(std::string_view chain_pem, const Secret& key_pem) {
    if (core_.options.security != Security::kTls) {
      return Fail(ErrorCode::kUnsupported, "a plain server has no certificate");
    }
    PLIMSOLL_ASSIGN_OR_RETURN(auto context, MakeTlsContext(chain_pem, key_pem.bytes()));
    const std::lock_guard lock(core_.tls_mutex);
    core_.tls = std::move(context);
    return {};
  }

  void Stop(std::chrono::milliseconds deadline) {
    const std::lock_guard stopping(stop_mutex_);
    if (stopped_) {
      return;
    }
    stopped_ = true;
    asio::post(core_.io, [this] { BeginDrain(); });
    {
      std::unique_lock lock(core_.counts_mutex);
      core_.emptied.wait_for(lock, deadline,
                             [this] { return drain_begun_ && core_.connection_count == 0; });
    }
    asio::post(core_.io, [this] { CloseAll(); });
    core_.authentication_pool.Stop();
    core_.handler_pool.Stop();
    work_.reset();
    if (thread_.joinable()) {
      thread_.join();
    }
  }

  uint16_t port() const { return port_; }
  const Router& router() const { return core_.router; }

  ServerStatistics statistics() {
    const std::lock_guard lock(core_.counts_mutex);
    return {.connections = core_.connection_count,
            .unauthenticated = core_.unauthenticated_count,
            .buffered_body_bytes = core_.budget.reserved()};
  }

 private:
  void Accept() {
    acceptor_.async_accept([this](const boost::system::error_code& error, Tcp::socket socket) {
      if (core_.draining || error == asio::error::operation_aborted) {
        return;
      }
      if (OutOfDescriptors(error)) {
        MakeRoom();
        return;
      }
      if (!error) {
        Welcome(std::move(socket));
      }
      Accept();
    });
  }

  void Welcome(Tcp::socket socket) {
    boost::system::error_code error;
    const Tcp::endpoint peer = socket.remote_endpoint(error);
    if (error) {
      return;
    }
    socket.set_option(Tcp::no_delay(true), error);
    std::string source = SourceOf(peer);
    TlsContext tls;
    if (core_.options.security == Security::kTls) {
      const std::lock_guard lock(core_.tls_mutex);
      tls = core_.tls;
      if (tls == nullptr) {
        core_.observer.OnDrop(DropReason::kHandshakeFailed, source);
        return;
      }
    }
    const ConnectionId id = next_id_++;
    const auto eviction = core_.table.Add(id, source);
    auto connection = std::make_shared<Connection>(core_, id, std::move(socket), std::move(source),
                                                   std::move(tls));
    core_.connections.emplace(id, connection);
    core_.PublishCounts();
    if (eviction) {
      Evict(eviction->id, eviction->reason);
    }
    if (!eviction || eviction->id != id) {
      connection->Start();
    }
  }

  void Evict(ConnectionId id, DropReason reason) {
    const auto found = core_.connections.find(id);
    if (found != core_.connections.end()) {
      const std::shared_ptr<Connection> connection = found->second;
      connection->Drop(reason);
    }
  }

  // No descriptor is left for the next client. Closing someone else frees one; if there is nobody
  // to close, the reserve takes the client off the queue, and accepting rests a moment, since it
  // would otherwise spin.
  void MakeRoom() {
    if (!ClientWaits()) {
      acceptor_.async_wait(Tcp::acceptor::wait_read,
                           [this](const boost::system::error_code& error) {
                             if (!error && !core_.draining) {
                               Accept();
                             }
                           });
      return;
    }
    if (const auto id = core_.table.Evictable()) {
      Evict(*id, DropReason::kEvicted);
      Accept();
      return;
    }
    if (reserve_descriptor_ >= 0) {
      ::close(reserve_descriptor_);
      boost::system::error_code ignored;
      Tcp::socket refused(core_.io);
      acceptor_.non_blocking(true, ignored);
      acceptor_.accept(refused, ignored);
      refused.close(ignored);
      reserve_descriptor_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    }
    pause_.expires_after(kAcceptPause);
    pause_.async_wait([this](const boost::system::error_code& error) {
      if (!error && !core_.draining) {
        Accept();
      }
    });
  }

  // Linux takes a descriptor before it looks at the queue, so that accepting fails for want of one
  // even when nobody is there: without this, one empty try after the other would evict them all.
  bool ClientWaits() {
    pollfd queue{.fd = acceptor_.native_handle(), .events = POLLIN, .revents = 0};
    return ::poll(&queue, 1, 0) > 0;
  }

  void BeginDrain() {
    core_.draining = true;
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    pause_.cancel();
    for (const auto& connection : Connections()) {
      connection->Drain();
    }
    const std::lock_guard lock(core_.counts_mutex);
    drain_begun_ = true;
    core_.emptied.notify_all();
  }

  void CloseAll() {
    for (const auto& connection : Connections()) {
      connection->Close();
    }
  }

  // A copy, since those in it take themselves out of the core's list.
  std::vector<std::shared_ptr<Connection>> Connections() const {
    std::vector<std::shared_ptr<Connection>> connections;
    connections.reserve(core_.connections.size());
    for (const auto& [id, connection] : core_.connections) {
      connections.push_back(connection);
    }
    return connections;
  }

  ServerCore core_;
  Tcp::acceptor acceptor_;
  asio::steady_timer pause_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  ConnectionId next_id_ = 1;
  int reserve_descriptor_ = -1;
  uint16_t port_ = 0;
  std::mutex stop_mutex_;
  bool stopped_ = false;
  bool drain_begun_ = false;  // under core_.counts_mutex
  std::jthread thread_;
};

Result<std::unique_ptr<Server>> Server::Create(ServerOptions options, Router router,
                                               Authenticator* authenticator, const Clock& clock,
                                               Observer* observer) {
  const bool all_public =
      std::all_of(router.routes().begin(), router.routes().end(),
                  [](const Route& route) { return route.access == Access::kPublic; });
  if (authenticator == nullptr && !all_public) {
    return Fail(ErrorCode::kUnsupported, "a route needs an authenticator, and there is none");
  }
  auto impl =
      std::make_unique<Impl>(std::move(options), std::move(router), authenticator, clock, observer);
  PLIMSOLL_RETURN_IF_ERROR(impl->Listen());
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Server::~Server() = default;

Status Server::SetServingCertificate(std::string_view chain_pem, const Secret& key_pem) {
  return impl_->SetServingCertificate(chain_pem, key_pem);
}

void Server::Stop(std::chrono::milliseconds deadline) { impl_->Stop(deadline); }

uint16_t Server::port() const { return impl_->port(); }

const Router& Server::router() const { return impl_->router(); }

ServerStatistics Server::statistics() const { return impl_->statistics(); }

}  // namespace plimsoll::http
