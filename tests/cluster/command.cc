#include "cluster/command.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <ostream>
#include <thread>
#include <utility>

extern char** environ;

namespace plimsoll::cluster {
namespace {

// A file descriptor that is closed when it goes.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  Descriptor(Descriptor&&) = delete;
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() { Close(); }

  void Close() {
    if (fd_ >= 0) {
      close(fd_);
      fd_ = -1;
    }
  }
  void Reset(int fd) {
    Close();
    fd_ = fd;
  }
  int get() const { return fd_; }

 private:
  int fd_ = -1;
};

struct Pipe {
  Descriptor read;
  Descriptor write;

  bool Open() {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) {
      return false;
    }
    read.Reset(ends[0]);
    write.Reset(ends[1]);
    return true;
  }
};

// The null-terminated array that exec wants; valid as long as `texts` is.
std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) {
    pointers.push_back(text.data());
  }
  pointers.push_back(nullptr);
  return pointers;
}

std::vector<std::string> Environment(const std::map<std::string, std::string>& added) {
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    if (!added.contains(std::string(text.substr(0, text.find('='))))) {
      all.emplace_back(text);
    }
  }
  for (const auto& [name, value] : added) {
    all.push_back(name + "=" + value);
  }
  return all;
}

// posix_spawnp with the given descriptors as 0, 1 and 2; -1 when it fails.
pid_t Spawn(std::vector<std::string> argv, const std::map<std::string, std::string>& environment,
            int in, int out, int err) {
  std::vector<std::string> variables = Environment(environment);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
  pid_t pid = -1;
  const int error = posix_spawnp(&pid, argv.at(0).c_str(), &actions, nullptr, Pointers(argv).data(),
                                 Pointers(variables).data());
  posix_spawn_file_actions_destroy(&actions);
  return error == 0 ? pid : -1;
}

int ExitCode(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// Feeds and drains the three pipes until the program has closed both of its outputs.
void Converse(std::string_view input, Descriptor& in, Descriptor& out, Descriptor& err,
              CommandResult& result) {
  fcntl(in.get(), F_SETFL, O_NONBLOCK);
  if (input.empty()) {
    in.Close();
  }
  std::array<char, 65536> buffer{};
  const auto drain = [&buffer](Descriptor& from, std::string& to) {
    const ssize_t count = read(from.get(), buffer.data(), buffer.size());
    if (count > 0) {
      to.append(buffer.data(), static_cast<size_t>(count));
    } else if (count == 0 || errno != EINTR) {
      from.Close();
    }
  };
  while (out.get() >= 0 || err.get() >= 0) {
    // A negative descriptor is skipped by poll.
    std::array<pollfd, 3> waiting{
        {{in.get(), POLLOUT, 0}, {out.get(), POLLIN, 0}, {err.get(), POLLIN, 0}}};
    if (poll(waiting.data(), waiting.size(), -1) < 0 && errno != EINTR) {
      return;
    }
    if (waiting[0].revents != 0) {
      const ssize_t count = write(in.get(), input.data(), input.size());
      if (count > 0) {
        input.remove_prefix(static_cast<size_t>(count));
      }
      if (input.empty() || (count < 0 && errno != EAGAIN && errno != EINTR)) {
        in.Close();
      }
    }
    if (waiting[1].revents != 0) {
      drain(out, result.out);
    }
    if (waiting[2].revents != 0) {
      drain(err, result.err);
    }
  }
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const CommandResult& result) {
  return out << "exit code " << result.exit_code;
}

CommandResult Run(const std::vector<std::string>& argv, std::string_view input,
                  const std::map<std::string, std::string>& environment) {
  CommandResult result;
  Pipe in;
  Pipe out;
  Pipe err;
  if (!in.Open() || !out.Open() || !err.Open()) {
    result.err = "cannot make a pipe";
    return result;
  }
  const pid_t pid = Spawn(argv, environment, in.read.get(), out.write.get(), err.write.get());
  if (pid < 0) {
    result.err = "cannot start " + argv.at(0);
    return result;
  }
  in.read.Close();
  out.write.Close();
  err.write.Close();
  // A program may end without reading its input.
  const auto previous = signal(SIGPIPE, SIG_IGN);
  Converse(input, in.write, out.read, err.read, result);
  signal(SIGPIPE, previous);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  result.exit_code = ExitCode(status);
  return result;
}

Process::Process(const std::vector<std::string>& argv, const std::string& log_path,
                 const std::map<std::string, std::string>& environment)
    : log_path_(log_path) {
  const Descriptor in(open("/dev/null", O_RDONLY | O_CLOEXEC));
  const Descriptor log(open(log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (in.get() >= 0 && log.get() >= 0) {
    pid_ = Spawn(argv, environment, in.get(), log.get(), log.get());
  }
}

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      exit_code_(other.exit_code_),
      log_path_(std::move(other.log_path_)) {}

Process& Process::operator=(Process&& other) noexcept {
  if (this != &other) {
    Kill();
    pid_ = std::exchange(other.pid_, -1);
    exit_code_ = other.exit_code_;
    log_path_ = std::move(other.log_path_);
  }
  return *this;
}

Process::~Process() { Kill(); }

bool Process::running() {
  int status = 0;
  if (pid_ >= 0 && waitpid(pid_, &status, WNOHANG) == pid_) {
    exit_code_ = ExitCode(status);
    pid_ = -1;
  }
  return pid_ >= 0;
}

int Process::Stop(int seconds) {
  if (running()) {
    kill(pid_, SIGTERM);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
    while (running() && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    Kill();
  }
  return exit_code_;
}

void Process::Kill() {
  if (running()) {
    kill(pid_, SIGKILL);
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    exit_code_ = ExitCode(status);
    pid_ = -1;
  }
}

void Process::Pause() {
  if (running()) {
    kill(pid_, SIGSTOP);
  }
}

void Process::Resume() {
  if (running()) {
    kill(pid_, SIGCONT);
  }
}

}  // namespace plimsoll::cluster
