#pragma once

#include <pthread.h>

#include <atomic>
#include <cstdint>
#include <vector>

#include "runtime/exec/team.hpp"

namespace lanewise::exec {

/// Threads that wait for work, spinning for a moment and then asleep, until they are destroyed.
///
/// One caller at a time. The threads block all signals, so that the host's handlers run on the
/// host's threads, and are called `lanewise` in a debugger.
class Workers {
 public:
  Workers() = default;
  /// Ends the threads and waits for them.
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  /// In a forked process: the threads are the parent's, and are not waited for.
  void abandon() noexcept { threads_.clear(); }

  /// Starts threads until there are `count`, or until the system refuses one.
  void start(int count);
  int count() const noexcept { return static_cast<int>(threads_.size()); }

  /// Calls body.run(0, n) here and body.run(1, n), ..., body.run(n - 1, n) on the threads, n =
  /// count() + 1, and returns when all have returned.
  void run(TeamBody& body);

 private:
  struct Start;
  static void* main(void* start);
  void serve(int thread, uint32_t seen) noexcept;
  uint32_t wait_for_round(uint32_t seen) noexcept;
  bool start_thread();

  // What a round needs, written before `round_` changes.
  TeamBody* body_ = nullptr;  // null: the threads end
  int caller_cpu_ = -1;
  int team_ = 1;
  // Each on a cache line of its own: threads spin on one while others count in the other.
  alignas(64) std::atomic<uint32_t> round_{0};
  alignas(64) std::atomic<int> working_{0};
  std::vector<pthread_t> threads_;
};

}  // namespace lanewise::exec
