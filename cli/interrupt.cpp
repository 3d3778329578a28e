#include "cli/interrupt.hpp"

#include <csignal>

namespace lanewise::cli {
namespace {

std::atomic<bool> g_interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free, "set by a signal handler");

void on_signal(int) { g_interrupted.store(true, std::memory_order_relaxed); }

}  // namespace

void catch_interrupts() noexcept {
  struct sigaction action = {};
  action.sa_handler = on_signal;
  // Without SA_RESTART a read from a terminal returns, and its caller looks at the flag.
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

const std::atomic<bool>& interrupted() noexcept { return g_interrupted; }

}  // namespace lanewise::cli
