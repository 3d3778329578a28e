#pragma once

#include <span>

#include "runtime/exec/barrier.hpp"
#include "runtime/exec/executor.hpp"
#include "runtime/exec/stop_signal.hpp"
#include "runtime/exec/team.hpp"

namespace lanewise::exec {

/// Runs the steps of a run on a team: each thread takes pieces of a step until none is left, waits
/// for the others that have joined, and continues with the next step.
class RunLoop final : public TeamBody {
 public:
  struct Setup {
    std::span<Step> steps;
    std::span<Span> spans;  ///< [threads][steps], or empty
    std::byte* scratch = nullptr;
    size_t scratch_stride = 0;  ///< bytes between the scratch of two threads
  };

  RunLoop(const Setup& setup, StopSignal& stop) : setup_(setup), stop_(stop) {}

  void run(int thread, int threads) noexcept override;

 private:
  void skip_to(uint32_t step, std::span<Span> spans) const noexcept;
  void work_on(Step& step, std::byte* scratch) noexcept;

  const Setup setup_;
  StopSignal& stop_;
  const Stopwatch watch_;
  StepBarrier barrier_;
};

}  // namespace lanewise::exec
