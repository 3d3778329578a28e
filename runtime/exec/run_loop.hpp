#pragma once

#include <chrono>
#include <span>

#include "runtime/exec/barrier.hpp"
#include "runtime/exec/executor.hpp"
#include "runtime/exec/team.hpp"

namespace lanewise::exec {

/// The way of a team through the steps of a run: take pieces of a step until none is left, wait
/// for the others, go on.
class RunLoop final : public TeamBody {
 public:
  struct Setup {
    std::span<Step> steps;
    std::span<Span> spans;  ///< [threads][steps], or empty
    std::byte* scratch = nullptr;
    size_t scratch_stride = 0;  ///< bytes between the threads' scratch
    int threads = 1;
  };

  RunLoop(const Setup& setup, const RunOptions& options);

  void run(int thread) noexcept override;
  bool stopped() const noexcept { return stopped_.load(std::memory_order_relaxed); }

 private:
  using Clock = std::chrono::steady_clock;

  void work_on(Step& step, std::byte* scratch) noexcept;
  bool should_stop() noexcept;
  double now_us() const noexcept;

  const Setup setup_;
  const RunOptions& options_;
  const Clock::time_point begin_;
  SpinBarrier barrier_;
  std::atomic<bool> stopped_{false};
};

}  // namespace lanewise::exec
