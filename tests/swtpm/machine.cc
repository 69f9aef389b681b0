#include "swtpm/machine.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

namespace plimsoll::testing {
namespace {

constexpr char kScript[] = PLIMSOLL_SOURCE_DIR "/tests/swtpm/machine.sh";

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// A file that is gone with its last descriptor.
int AnonymousFile() {
  std::string path = (std::filesystem::temp_directory_path() / "plimsoll-XXXXXX").string();
  const int fd = mkostemp(path.data(), O_CLOEXEC);
  if (fd >= 0) {
    unlink(path.c_str());
  }
  return fd;
}

std::string ReadAll(int fd) {
  std::string text;
  std::array<char, 4096> buffer;
  off_t at = 0;
  ssize_t n = 0;
  while ((n = pread(fd, buffer.data(), buffer.size(), at)) > 0) {
    text.append(buffer.data(), static_cast<size_t>(n));
    at += n;
  }
  while (!text.empty() && text.back() == '\n') {
    text.pop_back();
  }
  return text;
}

}  // namespace

Result<std::string> RunProgram(const std::vector<std::string>& arguments) {
  // Files, not pipes: a daemon that the program leaves behind keeps its descriptors open.
  const int out = AnonymousFile();
  const int err = AnonymousFile();
  if (out < 0 || err < 0) {
    return Fail(ErrorCode::kInternal, "cannot make a temporary file");
  }
  std::vector<char*> argv;
  for (const std::string& argument : arguments) {
    argv.push_back(const_cast<char*>(argument.c_str()));
  }
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out, 1);
  posix_spawn_file_actions_adddup2(&actions, err, 2);
  pid_t pid = 0;
  const int spawned = posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  int status = -1;
  if (spawned == 0) {
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
  }
  const std::string output = ReadAll(out);
  const std::string errors = ReadAll(err);
  close(out);
  close(err);
  if (spawned != 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    return Fail(ErrorCode::kInternal,
                fmt::format("{} failed (status {}): {}", arguments.front(), status, errors));
  }
  return output;
}

Result<std::unique_ptr<SwtpmMachine>> SwtpmMachine::Start(const std::string& ca_dir) {
  std::string directory =
      (std::filesystem::temp_directory_path() / "plimsoll-swtpm-XXXXXX").string();
  if (mkdtemp(directory.data()) == nullptr) {
    return Fail(ErrorCode::kInternal, "cannot make a temporary folder");
  }
  std::unique_ptr<SwtpmMachine> machine(new SwtpmMachine(directory));
  std::vector<std::string> arguments = {kScript, "up", directory};
  if (!ca_dir.empty()) {
    arguments.insert(arguments.end(), {"--ca", ca_dir});
  }
  PLIMSOLL_ASSIGN_OR_RETURN(machine->tcti_, RunProgram(arguments));
  machine->ca_pem_ = ReadFile(directory + "/ca.pem");
  return machine;
}

Result<std::unique_ptr<SwtpmMachine>> SwtpmMachine::CloneOf(const SwtpmMachine& original) {
  std::string directory =
      (std::filesystem::temp_directory_path() / "plimsoll-swtpm-XXXXXX").string();
  if (mkdtemp(directory.data()) == nullptr) {
    return Fail(ErrorCode::kInternal, "cannot make a temporary folder");
  }
  std::unique_ptr<SwtpmMachine> machine(new SwtpmMachine(directory));
  std::error_code failed;
  for (const char* part : {"state", "ca.pem"}) {
    std::filesystem::copy(original.directory_ + "/" + part, directory + "/" + part,
                          std::filesystem::copy_options::recursive, failed);
    if (failed) {
      return Fail(ErrorCode::kInternal, "cannot copy the TPM's state: " + failed.message());
    }
  }
  PLIMSOLL_ASSIGN_OR_RETURN(machine->tcti_, RunProgram({kScript, "up", directory}));
  machine->ca_pem_ = original.ca_pem_;
  return machine;
}

SwtpmMachine::~SwtpmMachine() {
  // Whoever would hear of a failure here is gone; what is left is a folder below /tmp.
  static_cast<void>(RunProgram({kScript, "kill", directory_}));
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

Status SwtpmMachine::Extend(unsigned pcr, const std::vector<std::string>& digests) {
  std::vector<std::string> arguments = {kScript, "extend", directory_, std::to_string(pcr)};
  arguments.insert(arguments.end(), digests.begin(), digests.end());
  PLIMSOLL_RETURN_IF_ERROR(RunProgram(arguments));
  return {};
}

Status SwtpmMachine::Lockout() {
  constexpr char kIndex[] = "0x1800001";
  const auto tool = [this](std::vector<std::string> arguments) -> Status {
    arguments.insert(arguments.begin(), {"env", "TPM2TOOLS_TCTI=" + tcti_});
    PLIMSOLL_RETURN_IF_ERROR(RunProgram(arguments));
    return {};
  };
  PLIMSOLL_RETURN_IF_ERROR(tool({"tpm2_dictionarylockout", "--setup-parameters", "--max-tries=1",
                                 "--recovery-time=1000", "--lockout-recovery-time=1000"}));
  PLIMSOLL_RETURN_IF_ERROR(tool(
      {"tpm2_nvdefine", "-C", "o", "-s", "8", "-a", "authread|authwrite", "-p", "secret", kIndex}));
  if (tool({"tpm2_nvread", "-C", kIndex, "-P", "guess", "-s", "8", kIndex})) {
    return Fail(ErrorCode::kInternal, "the TPM took a wrong password");
  }
  return {};
}

Status SwtpmMachine::EndLockout() {
  PLIMSOLL_RETURN_IF_ERROR(
      RunProgram({"env", "TPM2TOOLS_TCTI=" + tcti_, "tpm2_dictionarylockout", "--clear-lockout"}));
  return {};
}

Status SwtpmMachine::Reset() {
  PLIMSOLL_RETURN_IF_ERROR(RunProgram({kScript, "reset", directory_}));
  return {};
}

Status SwtpmMachine::Kill() {
  PLIMSOLL_RETURN_IF_ERROR(RunProgram({kScript, "kill", directory_}));
  return {};
}

}  // namespace plimsoll::testing
