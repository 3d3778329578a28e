#pragma once

#include <immintrin.h>
#include <sched.h>

#include <atomic>
#include <cstdint>

namespace lanewise::exec {

/// A barrier for the threads of a team between dependent steps.
///
/// Spins first, because a step takes microseconds and a system call costs as much. Yields after a
/// while, because on a busy machine the last thread may need this core.
class SpinBarrier {
 public:
  /// `threads`: the number of threads that wait, the same in all of them.
  void wait(int threads) noexcept {
    const uint32_t generation = generation_.load(std::memory_order_relaxed);
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == threads) {
      arrived_.store(0, std::memory_order_relaxed);
      generation_.store(generation + 1, std::memory_order_release);
      return;
    }
    for (int spins = 0; generation_.load(std::memory_order_acquire) == generation; ++spins) {
      if (spins < kSpins) {
        _mm_pause();
      } else {
        sched_yield();
      }
    }
  }

 private:
  // About 50 microseconds of pause instructions: longer than the wait for a piece of work, shorter
  // than a time slice.
  static constexpr int kSpins = 2000;

  alignas(64) std::atomic<int> arrived_{0};
  alignas(64) std::atomic<uint32_t> generation_{0};
};

}  // namespace lanewise::exec
