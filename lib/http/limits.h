#pragma once

#include <chrono>
#include <cstddef>

// Every limit of the inbound server, with the reason for its value.

namespace plimsoll::http {

// Request line and headers together. A bearer token is at most 8 KiB minus the rest of a plain
// head; real ones are 1 to 1.5 KiB. Beyond: 431.
inline constexpr size_t kMaxHeaderBytes = 8 * 1024;

// Bodies, declared for each route in its table row. Beyond: 413, before the first byte of the body
// is read when Content-Length says so. Enrolment carries at most nine certificates of 8 KiB in
// base64 minus what real chains leave free; challenges and activations are far smaller.
inline constexpr size_t kMaxSmallBodyBytes = 64 * 1024;
// A boot event log of 1 MiB and an IMA chunk of 8 MiB are 12 MiB in base64; the rest is room for
// quote, PCRs and statement.
inline constexpr size_t kMaxEvidenceBodyBytes = 16 * 1024 * 1024;
// For routes that take none: GET and HEAD.
inline constexpr size_t kNoBody = 0;

// What one server allows. The defaults are the protocol's; tests shrink them.
struct ServerLimits {
  // Deadlines of a connection, each from the start of its phase, whatever trickles in meanwhile.
  // TCP accept to the end of the TLS handshake.
  std::chrono::milliseconds handshake_timeout = std::chrono::seconds(10);
  // First byte of a request (of the first one: end of the handshake) to the end of its headers.
  std::chrono::milliseconds header_timeout = std::chrono::seconds(10);
  // 16 MiB in 30 s is 4.5 Mbit/s.
  std::chrono::milliseconds body_timeout = std::chrono::seconds(30);
  // End of an answer to the first byte of the next request.
  std::chrono::milliseconds idle_timeout = std::chrono::seconds(10);
  // An answer; evidence bundles are as large as evidence.
  std::chrono::milliseconds write_timeout = std::chrono::seconds(30);

  size_t max_header_bytes = kMaxHeaderBytes;

  // An agent closes after its round, so that 4,096 is many times what 5,000 nodes with a round each
  // minute need at once; at about 20 KiB each they fit in 80 MiB. Above it the oldest
  // unauthenticated connection is closed, then the longest idle one; accepting never pauses.
  size_t max_connections = 4096;
  // Holds only above half of max_connections, since agents behind one NAT share an address.
  size_t max_unauthenticated_per_source = 32;
  // A connection is closed after so many refused credentials.
  size_t max_failed_authentications = 3;
  // Refused credentials of one source address, as a token bucket; beyond it
  // RequestHead::source_is_suspect is set.
  double failed_authentications_per_minute = 30;
  double failed_authentications_burst = 30;

  // Bodies in memory, of all requests together and of one principal: one hostile node cannot take
  // the memory of all.
  size_t max_buffered_body_bytes = size_t{128} * 1024 * 1024;
  size_t max_buffered_body_bytes_per_principal = size_t{2} * kMaxEvidenceBodyBytes;

  // Handlers and authentication each have their own threads and queue, so that a slow TokenReview
  // does not hold up an appraisal. A full queue is answered with 503 and Retry-After.
  size_t handler_threads = 4;
  size_t handler_queue = 256;
  size_t authentication_threads = 4;
  size_t authentication_queue = 256;
};

}  // namespace plimsoll::http
