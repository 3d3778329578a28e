#pragma once

#include <atomic>
#include <chrono>

#include "lanewise/session.hpp"

namespace lanewise::exec {

/// Whether a run must stop early. Threads check it between pieces of work.
class StopSignal {
 public:
  explicit StopSignal(const RunOptions& options) : options_(options) {}

  /// Checks the caller's flag and the clock. Once true, it stays true.
  bool raised() noexcept {
    if (stopped()) return true;
    const bool cancelled =
        options_.cancel != nullptr && options_.cancel->load(std::memory_order_relaxed);
    const bool late = options_.deadline && std::chrono::steady_clock::now() >= *options_.deadline;
    if (!cancelled && !late) return false;
    stopped_.store(true, std::memory_order_relaxed);
    return true;
  }

  /// Whether some thread has seen it raised.
  bool stopped() const noexcept { return stopped_.load(std::memory_order_relaxed); }

 private:
  const RunOptions& options_;
  std::atomic<bool> stopped_{false};
};

}  // namespace lanewise::exec
