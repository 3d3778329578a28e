#include "cli/busy_load.hpp"

#include <csignal>
#include <cstdint>

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace lanewise::cli {
namespace {

/// The child of a multithreaded process may call few functions; arithmetic is safe.
[[noreturn]] void compute_for_ever(pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(0);  // the parent ended before the line above
  volatile uint64_t state = 1;
  for (;;) state = state * 6364136223846793005u + 1442695040888963407u;
}

}  // namespace

Result<BusyLoad> BusyLoad::start(int processes) {
  BusyLoad load;
  const pid_t parent = ::getpid();
  for (int i = 0; i < processes; ++i) {
    const pid_t child = ::fork();
    if (child == 0) compute_for_ever(parent);
    if (child < 0) return resource_exhausted("--load: the system refuses to start more processes");
    load.children_.push_back(child);
  }
  return load;
}

BusyLoad::~BusyLoad() {
  for (const pid_t child : children_) {
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
  }
}

}  // namespace lanewise::cli
