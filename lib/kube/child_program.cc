#include "kube/child_program.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace plimsoll::kube {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { Close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  void Close() {
    if (fd_ >= 0) {
      close(fd_);
    }
    fd_ = -1;
  }

 private:
  int fd_;
};

std::vector<std::string> EnvironmentOf(const ChildProgram& program) {
  std::vector<std::string> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    bool replaced = false;
    for (const auto& [name, value] : program.environment) {
      replaced = replaced || text.starts_with(name + "=");
    }
    if (!replaced) {
      variables.push_back(text);
    }
  }
  for (const auto& [name, value] : program.environment) {
    variables.push_back(name + "=" + value);
  }
  return variables;
}

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) {
    pointers.push_back(text.data());
  }
  pointers.push_back(nullptr);
  return pointers;
}

Result<pid_t> Spawn(const ChildProgram& program, int output) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  if (!program.inherit_input) {
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  }
  std::vector<std::string> arguments = {program.path};
  arguments.insert(arguments.end(), program.arguments.begin(), program.arguments.end());
  std::vector<std::string> environment = EnvironmentOf(program);
  pid_t pid = -1;
  const int error = posix_spawnp(&pid, program.path.c_str(), &actions, nullptr,
                                 Pointers(arguments).data(), Pointers(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    return Fail(error == ENOENT ? ErrorCode::kNotFound : ErrorCode::kInternal,
                error == ENOENT ? "there is no such program" : std::strerror(error));
  }
  return pid;
}

int WaitFor(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

Result<ChildResult> RunChild(const ChildProgram& program) {
  std::array<int, 2> ends{-1, -1};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) {
    return Fail(ErrorCode::kInternal, "no pipe for a program's output");
  }
  const Descriptor reading(ends[0]);
  Descriptor writing(ends[1]);
  PLIMSOLL_ASSIGN_OR_RETURN(const pid_t pid, Spawn(program, writing.get()));
  writing.Close();
  ChildResult result;
  std::array<char, 4096> piece{};
  while (true) {
    const ssize_t size = read(reading.get(), piece.data(), piece.size());
    if (size < 0 && errno == EINTR) {
      continue;
    }
    if (size <= 0) {
      break;
    }
    result.output.append(piece.data(), static_cast<size_t>(size));
    if (result.output.size() > program.max_output_bytes) {
      kill(pid, SIGKILL);
      WaitFor(pid);
      return Fail(ErrorCode::kTooLarge, "its answer is over the size limit");
    }
  }
  result.exit_code = WaitFor(pid);
  return result;
}

}  // namespace plimsoll::kube
