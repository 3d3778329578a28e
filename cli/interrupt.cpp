#include "cli/interrupt.hpp"

#include <cerrno>
#include <ctime>
#include <string_view>

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

namespace lanewise::cli {
namespace {

std::atomic<bool> g_interrupted{false};
std::atomic<int> g_signal{SIGINT};
static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<int>::is_always_lock_free,
              "set by a signal handler");

// The time allowed after the signal. Users expect the program to end within a second.
constexpr long kPatienceNanoseconds = 700'000'000;
timer_t g_timer;
bool g_has_timer = false;
bool g_ends_requests = false;
std::atomic<bool> g_reload{false};
bool g_had_terminal = false;

void on_signal(int signal) {
  const int error = errno;  // errno of the interrupted code
  g_signal.store(signal, std::memory_order_relaxed);
  g_interrupted.store(true, std::memory_order_relaxed);
  const itimerspec patience{.it_interval = {}, .it_value = {0, kPatienceNanoseconds}};
  const bool waits = g_ends_requests && signal == SIGINT;
  if (g_has_timer && !waits) ::timer_settime(g_timer, 0, &patience, nullptr);
  errno = error;
}

bool has_terminal() noexcept {
  const int terminal = ::open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC);
  if (terminal >= 0) ::close(terminal);
  return terminal >= 0;
}

void on_hangup(int) {
  const int error = errno;
  if (g_had_terminal && !has_terminal()) {
    g_signal.store(SIGHUP, std::memory_order_relaxed);
    g_interrupted.store(true, std::memory_order_relaxed);
  } else {
    g_reload.store(true, std::memory_order_relaxed);
  }
  errno = error;
}

/// Unfinished files have no names yet, so nothing is left behind.
void on_timeout(int) {
  constexpr std::string_view kMessage = "lanewise: error: interrupted\n";
  if (::write(STDERR_FILENO, kMessage.data(), kMessage.size()) < 0) {
    // There is no one left to report an error to.
  }
  ::_exit(interrupted_exit_code());
}

void handle(int signal, void (*handler)(int), int flags) noexcept {
  struct sigaction action = {};
  action.sa_handler = handler;
  action.sa_flags = flags;
  ::sigaction(signal, &action, nullptr);
}

// Without SA_RESTART a read from a terminal returns, and its caller checks the flag.
void catch_once(int signal) noexcept {
  struct sigaction inherited = {};
  // Signals that nohup or a shell's `&` ignores stay ignored.
  ::sigaction(signal, nullptr, &inherited);
  if (inherited.sa_handler != SIG_IGN) handle(signal, on_signal, static_cast<int>(SA_RESETHAND));
}

}  // namespace

void catch_interrupts() noexcept {
  struct sigevent event = {};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = SIGALRM;
  handle(SIGALRM, on_timeout, 0);
  g_has_timer = ::timer_create(CLOCK_MONOTONIC, &event, &g_timer) == 0;
  for (const int signal : {SIGINT, SIGTERM}) catch_once(signal);
}

void catch_interrupts_patiently() noexcept {
  for (const int signal : {SIGINT, SIGTERM}) catch_once(signal);
}

void let_interrupts_end_requests() noexcept { g_ends_requests = true; }

void catch_reload_signals() noexcept {
  struct sigaction inherited = {};
  ::sigaction(SIGHUP, nullptr, &inherited);
  // nohup: the program goes on without its terminal.
  g_had_terminal = inherited.sa_handler != SIG_IGN && has_terminal();
  handle(SIGHUP, on_hangup, SA_RESTART);
}

bool take_reload_signal() noexcept { return g_reload.exchange(false, std::memory_order_relaxed); }

bool clear_interrupt() noexcept {
  if (!g_interrupted.load(std::memory_order_relaxed)) return false;
  if (g_signal.load(std::memory_order_relaxed) != SIGINT) return false;
  g_interrupted.store(false, std::memory_order_relaxed);
  catch_once(SIGINT);
  return true;
}

const std::atomic<bool>& interrupted() noexcept { return g_interrupted; }

int interrupted_exit_code() noexcept { return 128 + g_signal.load(std::memory_order_relaxed); }

}  // namespace lanewise::cli
