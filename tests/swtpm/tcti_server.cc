#include "swtpm/tcti_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <random>
#include <utility>
#include <vector>

namespace plimsoll::testing {
namespace {

constexpr size_t kHeaderBytes = 10;

sockaddr_in Loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int Listen(uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  const sockaddr_in address = Loopback(port);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      listen(fd, 16) != 0) {
    close(fd);
    return -1;
  }
  return fd;
}

bool ReadExactly(int fd, uint8_t* to, size_t size) {
  while (size > 0) {
    const ssize_t n = recv(fd, to, size, 0);
    if (n <= 0) {
      return false;
    }
    to += n;
    size -= static_cast<size_t>(n);
  }
  return true;
}

void Write(int fd, ByteSpan bytes) {
  // A client that has gone away is its own business.
  static_cast<void>(send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL));
}

uint32_t U32(const uint8_t* at) {
  return (uint32_t{at[0]} << 24) | (uint32_t{at[1]} << 16) | (uint32_t{at[2]} << 8) | at[3];
}

// A command or a response, whole, by the size in its header.
std::optional<Bytes> ReadMessage(int fd) {
  Bytes message(kHeaderBytes);
  if (!ReadExactly(fd, message.data(), kHeaderBytes)) {
    return std::nullopt;
  }
  const uint32_t size = U32(message.data() + 2);
  if (size < kHeaderBytes || size > 8192) {
    return std::nullopt;
  }
  message.resize(size);
  if (!ReadExactly(fd, message.data() + kHeaderBytes, size - kHeaderBytes)) {
    return std::nullopt;
  }
  return message;
}

}  // namespace

uint32_t CommandCode(ByteSpan command) {
  return command.size() < kHeaderBytes ? 0 : U32(command.data() + 6);
}

Bytes ResponseCode(uint32_t code) {
  return {0x80,
          0x01,
          0,
          0,
          0,
          kHeaderBytes,
          static_cast<uint8_t>(code >> 24),
          static_cast<uint8_t>(code >> 16),
          static_cast<uint8_t>(code >> 8),
          static_cast<uint8_t>(code)};
}

Result<std::unique_ptr<TctiServer>> TctiServer::Start(Handler handler) {
  // Data and control are neighbours, as the TCTI wants it; below the range that the kernel hands
  // out.
  std::random_device random;
  for (int attempt = 0; attempt < 100; ++attempt) {
    const auto port = static_cast<uint16_t>(10000 + 2 * (random() % 10000));
    const int data = Listen(port);
    const int control = data < 0 ? -1 : Listen(static_cast<uint16_t>(port + 1));
    if (control >= 0) {
      return std::unique_ptr<TctiServer>(new TctiServer(data, control, port, std::move(handler)));
    }
    if (data >= 0) {
      close(data);
    }
  }
  return Fail(ErrorCode::kUnavailable, "no two free ports");
}

TctiServer::TctiServer(int data, int control, uint16_t port, Handler handler)
    : data_(data),
      control_(control),
      port_(port),
      handler_(std::move(handler)),
      thread_([this](std::stop_token stop) { Serve(stop); }) {}

TctiServer::~TctiServer() {
  thread_.request_stop();
  thread_.join();
  close(data_);
  close(control_);
}

std::string TctiServer::tcti() const {
  return "swtpm:host=127.0.0.1,port=" + std::to_string(port_);
}

void TctiServer::Serve(std::stop_token stop) {
  std::vector<int> clients;  // of the data port
  while (!stop.stop_requested()) {
    std::vector<pollfd> polled = {{data_, POLLIN, 0}, {control_, POLLIN, 0}};
    for (const int client : clients) {
      polled.push_back({client, POLLIN, 0});
    }
    if (poll(polled.data(), polled.size(), 10) <= 0) {
      continue;
    }
    if ((polled[1].revents & POLLIN) != 0) {
      const int client = accept4(control_, nullptr, nullptr, SOCK_CLOEXEC);
      std::array<uint8_t, 5> command;  // CMD_SET_LOCALITY and a locality
      if (ReadExactly(client, command.data(), command.size())) {
        Write(client, Bytes(4, 0));
      }
      close(client);
    }
    for (size_t i = 2; i < polled.size(); ++i) {
      if (polled[i].revents == 0) {
        continue;
      }
      const auto command = ReadMessage(polled[i].fd);
      if (!command) {
        close(polled[i].fd);
        std::erase(clients, polled[i].fd);
      } else if (const auto answer = handler_(*command)) {
        Write(polled[i].fd, *answer);
      }
    }
    if ((polled[0].revents & POLLIN) != 0) {
      clients.push_back(accept4(data_, nullptr, nullptr, SOCK_CLOEXEC));
    }
  }
  for (const int client : clients) {
    close(client);
  }
}

TctiServer::Handler TctiServer::Forward(const std::string& tcti) {
  const auto port = static_cast<uint16_t>(std::stoi(tcti.substr(tcti.rfind('=') + 1)));
  return [port](ByteSpan command) -> std::optional<Bytes> {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = Loopback(port);
    std::optional<Bytes> answer;
    if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
      Write(fd, command);
      answer = ReadMessage(fd);
    }
    close(fd);
    return answer;
  };
}

}  // namespace plimsoll::testing
