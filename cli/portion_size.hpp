#pragma once

#include <chrono>
#include <cstddef>

namespace lanewise::cli {

/// How many texts are done at once: at most `most`, and with keep_short() as many as take about
/// five seconds, which is what is computed again after a run was killed.
class PortionSize {
 public:
  explicit PortionSize(size_t most) : most_(most), size_(most) {}

  void keep_short() noexcept;
  /// The size of the next portion. Call it when the last one is done.
  size_t next() noexcept;

 private:
  using Clock = std::chrono::steady_clock;

  size_t most_;
  size_t size_;
  bool short_ = false;
  Clock::time_point begin_{};  // of the portion; none yet: the epoch
};

}  // namespace lanewise::cli
