#pragma once

#include <pthread.h>

#include <atomic>
#include <cstdint>
#include <vector>

#include "runtime/exec/team.hpp"

namespace lanewise::exec {

/// Threads that wait for work until they are destroyed, first spinning for a moment, then sleeping.
///
/// One caller at a time. The threads block all signals, so that the host's handlers run on the
/// host's threads, and a debugger shows them as `lanewise`.
class Workers {
 public:
  Workers() = default;
  /// Stops the threads and joins them.
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  /// For a forked process: the threads belong to the parent and are not joined.
  void abandon() noexcept { threads_.clear(); }

  /// Starts threads until there are `count` or the system refuses.
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

  // The input of a round, written before `round_` changes.
  TeamBody* body_ = nullptr;  // null: the threads return
  int caller_cpu_ = -1;
  int team_ = 1;
  // On separate cache lines: threads spin on one while others update the other.
  alignas(64) std::atomic<uint32_t> round_{0};
  alignas(64) std::atomic<int> working_{0};
  std::vector<pthread_t> threads_;
};

}  // namespace lanewise::exec
