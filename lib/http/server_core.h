#pragma once

#include <boost/asio/io_context.hpp>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "http/body_budget.h"
#include "http/connection_table.h"
#include "http/rate_limiter.h"
#include "http/server.h"
#include "http/tls_context.h"
#include "http/worker_pool.h"

namespace plimsoll::http {

class Connection;

// What the connections of one server share. Members without a lock of their own belong to the I/O
// thread. Declared in the order that destruction needs: the pools end first, and what connections
// refer to goes last.
struct ServerCore {
  ServerCore(ServerOptions o, Router r, Authenticator* a, const Clock& c, Observer* watcher)
      : options(std::move(o)),
        router(std::move(r)),
        authenticator(a),
        clock(c),
        observer(watcher != nullptr ? *watcher : nobody),
        budget(options.limits.max_buffered_body_bytes,
               options.limits.max_buffered_body_bytes_per_principal),
        suspects({.per_minute = options.limits.failed_authentications_per_minute,
                  .burst = options.limits.failed_authentications_burst},
                 4 * options.limits.max_connections, clock),
        table(options.limits),
        authentication_pool(options.name + "-auth", options.limits.authentication_threads,
                            options.limits.authentication_queue),
        handler_pool(options.name + "-work", options.limits.handler_threads,
                     options.limits.handler_queue) {}

  // Takes a closed connection out of the books.
  void Forget(ConnectionId id) {
    table.Remove(id);
    connections.erase(id);
    PublishCounts();
  }

  // Makes the table's numbers visible to other threads.
  void PublishCounts() {
    const std::lock_guard lock(counts_mutex);
    connection_count = table.size();
    unauthenticated_count = table.unauthenticated();
    if (connection_count == 0) {
      emptied.notify_all();
    }
  }

  Observer nobody;
  const ServerOptions options;
  const Router router;
  Authenticator* const authenticator;
  const Clock& clock;
  Observer& observer;
  BodyBudget budget;
  RateLimiter suspects;  // by source address

  std::mutex tls_mutex;
  TlsContext tls;

  std::mutex counts_mutex;
  std::condition_variable emptied;
  size_t connection_count = 0;
  size_t unauthenticated_count = 0;

  ConnectionTable table;
  boost::asio::io_context io{1};
  std::unordered_map<ConnectionId, std::shared_ptr<Connection>> connections;
  bool draining = false;

  WorkerPool authentication_pool;
  WorkerPool handler_pool;
};

}  // namespace plimsoll::http
