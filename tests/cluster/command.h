#pragma once

#include <sys/types.h>

#include <iosfwd>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace plimsoll::cluster {

struct CommandResult {
  int exit_code = -1;  // 128 + signal when a signal ended it, -1 when it could not be started
  std::string out;
  std::string err;

  bool ok() const { return exit_code == 0; }
};

// For the messages of failed expectations.
std::ostream& operator<<(std::ostream& out, const CommandResult& result);

// Runs a program with `input` as its standard input, and waits for it. `argv[0]` is searched in the
// PATH. `environment` is added to ours. What a program leaves running in the background must not
// hold its standard output, or this waits for that too.
CommandResult Run(const std::vector<std::string>& argv, std::string_view input = {},
                  const std::map<std::string, std::string>& environment = {});

// A program that runs beside the test: a controller, an agent. Not thread-safe.
class Process {
 public:
  // Its standard output and error go to `log_path` (appended). running() is false when it could not
  // be started.
  Process(const std::vector<std::string>& argv, const std::string& log_path,
          const std::map<std::string, std::string>& environment = {});
  Process(Process&& other) noexcept;
  Process& operator=(Process&& other) noexcept;
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process();  // SIGKILL

  // Whether it has not ended yet.
  bool running();

  // SIGTERM; its exit code (as in CommandResult) once it ended, or after `seconds` SIGKILL and 137.
  int Stop(int seconds = 15);

  // SIGKILL, and waits for the end.
  void Kill();

  // SIGSTOP and SIGCONT: a program that is paused, as by a hypervisor.
  void Pause();
  void Resume();

  pid_t pid() const { return pid_; }
  const std::string& log_path() const { return log_path_; }

 private:
  pid_t pid_ = -1;  // -1 once it was waited for
  int exit_code_ = -1;
  std::string log_path_;
};

}  // namespace plimsoll::cluster
