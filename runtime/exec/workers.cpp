#include "runtime/exec/workers.hpp"

#include <immintrin.h>
#include <sched.h>
#include <signal.h>

#include <chrono>
#include <memory>

#include "runtime/exec/cpus.hpp"

namespace lanewise::exec {
namespace {

// Kernels keep a few kilobytes on the stack. The rest is for sanitizers and for hosts whose
// thread-local variables are large: glibc takes them from the stack.
constexpr size_t kStackBytes = size_t{1} << 20;

// The time between two steps of a decoder or two runs of a busy session. Waking a sleeping thread
// takes 5 to 50 microseconds; spinning for longer would cost an idle session CPU time.
constexpr std::chrono::microseconds kSpinTime{200};
// Pauses between two readings of the clock, 2 to 5 microseconds.
constexpr int kPausesPerLook = 64;

/// Spins until `done()`, but not for long; returns false if it is still not done.
template <typename Done>
bool spin_until(const Done& done) noexcept {
  const auto end = std::chrono::steady_clock::now() + kSpinTime;
  do {
    for (int i = 0; i < kPausesPerLook; ++i) {
      if (done()) return true;
      _mm_pause();
    }
  } while (std::chrono::steady_clock::now() < end);
  return done();
}

/// Blocks all signals of the calling thread while it exists; threads started meanwhile inherit
/// that.
class BlockedSignals {
 public:
  BlockedSignals() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~BlockedSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

 private:
  sigset_t before_;
};

}  // namespace

/// The arguments of a new thread, which deletes them.
struct Workers::Start {
  Workers* workers;
  int thread;
  uint32_t seen;
};

Workers::~Workers() {
  body_ = nullptr;
  round_.fetch_add(1, std::memory_order_release);
  round_.notify_all();
  for (const pthread_t thread : threads_) ::pthread_join(thread, nullptr);
}

void Workers::start(int count) {
  threads_.reserve(static_cast<size_t>(count));
  while (this->count() < count && start_thread()) {
  }
}

bool Workers::start_thread() {
  auto start = std::make_unique<Start>(Start{this, count() + 1, round_.load()});
  pthread_attr_t attributes;
  if (::pthread_attr_init(&attributes) != 0) return false;
  ::pthread_attr_setstacksize(&attributes, kStackBytes);
  pthread_t thread;
  const BlockedSignals blocked;
  const int error = ::pthread_create(&thread, &attributes, main, start.get());
  ::pthread_attr_destroy(&attributes);
  if (error != 0) return false;
  static_cast<void>(start.release());
  ::pthread_setname_np(thread, "lanewise");
  threads_.push_back(thread);
  return true;
}

void* Workers::main(void* start) {
  const std::unique_ptr<Start> told(static_cast<Start*>(start));
  told->workers->serve(told->thread, told->seen);
  return nullptr;
}

void Workers::serve(int thread, uint32_t seen) noexcept {
  for (;;) {
    seen = wait_for_round(seen);
    if (body_ == nullptr) return;
    leave_cpu_of_caller(caller_cpu_, thread);
    body_->run(thread, team_);
    // The last one wakes the caller, which may be asleep.
    if (working_.fetch_sub(1, std::memory_order_acq_rel) == 1) working_.notify_one();
  }
}

uint32_t Workers::wait_for_round(uint32_t seen) noexcept {
  const auto begun = [&]() -> bool { return round_.load(std::memory_order_acquire) != seen; };
  if (!spin_until(begun)) round_.wait(seen, std::memory_order_acquire);
  return round_.load(std::memory_order_acquire);
}

void Workers::run(TeamBody& body) {
  body_ = &body;
  caller_cpu_ = ::sched_getcpu();
  team_ = count() + 1;
  working_.store(count(), std::memory_order_relaxed);
  round_.fetch_add(1, std::memory_order_release);
  round_.notify_all();
  body.run(0, team_);
  const auto ended = [&]() -> bool { return working_.load(std::memory_order_acquire) == 0; };
  if (spin_until(ended)) return;
  for (int left; (left = working_.load(std::memory_order_acquire)) != 0;) {
    working_.wait(left, std::memory_order_acquire);
  }
}

}  // namespace lanewise::exec
