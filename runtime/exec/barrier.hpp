#pragma once

#include <immintrin.h>
#include <sched.h>

#include <atomic>
#include <cstdint>

namespace lanewise::exec {

/// Takes the threads of a run through its dependent steps together, counted from 0.
///
/// Threads join when they come, the first at once and others in the middle of the run: a thread that
/// is still asleep, or waits for a core, keeps nobody waiting.
///
/// Waiting spins first, because a step takes microseconds and a system call costs as much. It yields
/// after a while, because on a busy machine the last thread may need this core.
class StepBarrier {
 public:
  /// Takes part from the current step on, which it returns.
  uint32_t join() noexcept {
    return step_of(state_.fetch_add(kOneJoined, std::memory_order_acq_rel));
  }

  /// Ends `step`, waits until all threads that take part have ended it, and returns the next one.
  uint32_t wait(uint32_t step) noexcept {
    if (!advance(step)) spin(step);
    return step + 1;
  }

 private:
  // About 50 microseconds of pause instructions: longer than the wait for a piece of work, shorter
  // than a time slice.
  static constexpr int kSpins = 2000;

  // The state: the step in the upper half, then how many threads have joined and how many of them
  // have ended the step, of 16 bits each.
  static constexpr uint64_t kOneEnded = 1;
  static constexpr uint64_t kOneJoined = uint64_t{1} << 16;
  static constexpr int kStepShift = 32;

  static uint32_t step_of(uint64_t state) noexcept {
    return static_cast<uint32_t>(state >> kStepShift);
  }
  static uint64_t joined(uint64_t state) noexcept { return state >> 16 & 0xffff; }
  static uint64_t ended(uint64_t state) noexcept { return state & 0xffff; }

  /// Ends the step for this thread; if it is the last one, begins the next step and returns true.
  bool advance(uint32_t step) noexcept {
    uint64_t state = state_.fetch_add(kOneEnded, std::memory_order_acq_rel) + kOneEnded;
    // A thread that joins meanwhile makes the exchange fail, and becomes the last one.
    while (step_of(state) == step && ended(state) == joined(state)) {
      const uint64_t next = uint64_t{step + 1} << kStepShift | joined(state) * kOneJoined;
      if (state_.compare_exchange_weak(state, next, std::memory_order_acq_rel)) {
        step_.store(step + 1, std::memory_order_release);
        return true;
      }
    }
    return false;
  }

  /// `step_` may lag behind the step in which a thread has joined, so any lower number counts.
  void spin(uint32_t step) const noexcept {
    for (int spins = 0; step_.load(std::memory_order_acquire) <= step; ++spins) {
      if (spins < kSpins) {
        _mm_pause();
      } else {
        sched_yield();
      }
    }
  }

  // On separate cache lines: threads spin on one while others update the other.
  alignas(64) std::atomic<uint64_t> state_{0};
  alignas(64) std::atomic<uint32_t> step_{0};
};

}  // namespace lanewise::exec
