#pragma once

#include <chrono>

namespace lanewise::exec {

/// When a node ran on a thread, in microseconds since the start of the run. end < begin: never.
struct Span {
  double begin_us = 0;
  double end_us = -1;
};

/// Measures microseconds since its construction.
class Stopwatch {
 public:
  double now_us() const noexcept {
    return std::chrono::duration<double, std::micro>(Clock::now() - begin_).count();
  }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point begin_ = Clock::now();
};

}  // namespace lanewise::exec
