#include <cstdio>

#include "node-agent/app/program.h"
#include "node-agent/config/options.h"

int main(int argc, char** argv) {
  const auto parsed = plimsoll::agent::ParseOptions(argc, argv);
  if (!parsed) {
    std::fprintf(stderr, "plimsoll-agent: %s\n", parsed.error().message.c_str());
    return plimsoll::agent::kExitUsage;
  }
  if (parsed->exit) {
    std::fputs(parsed->text.c_str(), stdout);
    return plimsoll::agent::kExitStopped;
  }
  if (parsed->bundle) {
    return plimsoll::agent::WriteBundle(parsed->options, *parsed->bundle);
  }
  return plimsoll::agent::Run(parsed->options);
}
