#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <string_view>
#include <utility>
#include <variant>

#include "node-agent/tpm/channel.h"

namespace plimsoll::tpm {
namespace {

constexpr size_t kHeaderBytes = 10;  // tag, responseSize, responseCode

class SocketChannel final : public Channel {
 public:
  explicit SocketChannel(std::variant<sockaddr_in, sockaddr_un> address)
      : address_(std::move(address)) {}
  SocketChannel(const SocketChannel&) = delete;
  SocketChannel& operator=(const SocketChannel&) = delete;
  ~SocketChannel() override { Close(); }

  bool Connect() {
    Close();
    return std::visit(
        [this](const auto& address) {
          fd_ = socket(static_cast<int>(reinterpret_cast<const sockaddr&>(address).sa_family),
                       SOCK_STREAM | SOCK_CLOEXEC, 0);
          return fd_ >= 0 &&
                 connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
        },
        address_);
  }

  TSS2_RC Send(ByteSpan command, const Patience& patience) override {
    if (!Connect()) {
      return TSS2_TCTI_RC_IO_ERROR;
    }
    while (!command.empty()) {
      pollfd polled = {fd_, POLLOUT, 0};
      if (!WaitFor({&polled, 1}, patience)) {
        return TSS2_TCTI_RC_IO_ERROR;
      }
      const ssize_t n = send(fd_, command.data(), command.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n < 0 && errno != EAGAIN && errno != EINTR) {
        return TSS2_TCTI_RC_IO_ERROR;
      }
      command = command.subspan(n > 0 ? static_cast<size_t>(n) : 0);
    }
    return TSS2_RC_SUCCESS;
  }

  TSS2_RC Receive(std::span<uint8_t> buffer, size_t* size, const Patience& patience) override {
    *size = 0;
    if (!ReadExactly(buffer.first(kHeaderBytes), patience)) {
      return TSS2_TCTI_RC_IO_ERROR;
    }
    const size_t told = (size_t{buffer[2]} << 24) | (size_t{buffer[3]} << 16) |
                        (size_t{buffer[4]} << 8) | size_t{buffer[5]};
    if (told < kHeaderBytes || told > buffer.size()) {
      return TSS2_TCTI_RC_MALFORMED_RESPONSE;
    }
    if (!ReadExactly(buffer.subspan(kHeaderBytes, told - kHeaderBytes), patience)) {
      return TSS2_TCTI_RC_IO_ERROR;
    }
    *size = told;
    Close();
    return TSS2_RC_SUCCESS;
  }

 private:
  void Close() {
    if (fd_ >= 0) {
      close(std::exchange(fd_, -1));
    }
  }

  bool ReadExactly(std::span<uint8_t> to, const Patience& patience) {
    while (!to.empty()) {
      pollfd polled = {fd_, POLLIN, 0};
      if (!WaitFor({&polled, 1}, patience)) {
        return false;
      }
      const ssize_t n = recv(fd_, to.data(), to.size(), MSG_DONTWAIT);
      if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        return false;
      }
      to = to.subspan(n > 0 ? static_cast<size_t>(n) : 0);
    }
    return true;
  }

  const std::variant<sockaddr_in, sockaddr_un> address_;
  int fd_ = -1;
};

// The value of `key` in "key=value,key=value"; empty when it is not there.
std::string_view ValueOf(std::string_view list, std::string_view key) {
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    const std::string_view item = list.substr(0, comma);
    if (item.starts_with(key) && item.substr(key.size()).starts_with('=')) {
      return item.substr(key.size() + 1);
    }
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Channel>> OpenSocket(const std::string& conf) {
  const std::string_view options = std::string_view(conf).substr(conf.find(':') + 1);
  const std::string host(ValueOf(options, "host"));
  const std::string_view port = ValueOf(options, "port");
  const std::string_view path = ValueOf(options, "path");
  std::variant<sockaddr_in, sockaddr_un> address;
  if (!path.empty()) {
    sockaddr_un local{};
    local.sun_family = AF_UNIX;
    if (path.size() >= sizeof(local.sun_path)) {
      return Fail(ErrorCode::kMalformed, fmt::format("{}: the path is too long", conf));
    }
    std::ranges::copy(path, local.sun_path);
    address = local;
  } else {
    sockaddr_in remote{};
    remote.sin_family = AF_INET;
    uint16_t number = 0;
    const auto parsed = std::from_chars(port.data(), port.data() + port.size(), number);
    if (parsed.ec != std::errc() || parsed.ptr != port.data() + port.size() || number == 0 ||
        inet_pton(AF_INET, host.c_str(), &remote.sin_addr) != 1) {
      return Fail(ErrorCode::kMalformed,
                  fmt::format("{} is not swtpm:host=ADDRESS,port=PORT or swtpm:path=SOCKET", conf));
    }
    remote.sin_port = htons(number);
    address = remote;
  }
  auto channel = std::make_unique<SocketChannel>(std::move(address));
  if (!channel->Connect()) {
    return Fail(ErrorCode::kUnavailable, fmt::format("open {}: nobody answers there", conf),
                Retry::kReconnect);
  }
  return channel;
}

}  // namespace plimsoll::tpm
