#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace lanewise::serve {

/// A request that is being answered: what its work must know of it, and what the log tells.
class Exchange {
 public:
  using Clock = std::chrono::steady_clock;

  virtual ~Exchange() = default;

  /// Whether nobody waits for the answer any longer: the client has closed the connection, or the
  /// server ends. A system call.
  virtual bool abandoned() = 0;

  Clock::time_point started = Clock::now();
  Clock::time_point deadline = Clock::time_point::max();

  // For the log and the metrics.
  std::string method;
  std::string path;
  std::string model;
  int status = 0;
  int64_t prompt_tokens = 0;
  int64_t generated_tokens = 0;
};

}  // namespace lanewise::serve
