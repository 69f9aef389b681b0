#include <cstdio>

#include "controller/app/program.h"
#include "controller/config/options.h"

int main(int argc, char** argv) {
  const auto parsed = plimsoll::controller::ParseOptions(argc, argv);
  if (!parsed) {
    std::fprintf(stderr, "plimsoll-controller: %s\n", parsed.error().message.c_str());
    return plimsoll::controller::kExitUsage;
  }
  if (parsed->exit) {
    std::fputs(parsed->text.c_str(), stdout);
    return plimsoll::controller::kExitStopped;
  }
  return plimsoll::controller::Run(parsed->options);
}
