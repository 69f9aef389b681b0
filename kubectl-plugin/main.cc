#include <iostream>

#include "base/clock.h"
#include "kubectl-plugin/program.h"

int main(int argc, char** argv) {
  const plimsoll::SystemClock clock;
  return plimsoll::plugin::Run(argc, argv, {std::cin, std::cout, std::cerr, clock});
}
