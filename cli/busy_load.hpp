#pragma once

#include <sys/types.h>

#include <vector>

#include "lanewise/status.hpp"

namespace lanewise::cli {

/// Simulates other programs that use the same cores: processes that compute and never sleep. They
/// end with this object, and with this process however it ends.
class BusyLoad {
 public:
  /// kResourceExhausted if the system refuses more processes.
  static Result<BusyLoad> start(int processes);

  BusyLoad(BusyLoad&& other) noexcept : children_(std::move(other.children_)) {
    other.children_.clear();
  }
  BusyLoad& operator=(BusyLoad&&) = delete;
  ~BusyLoad();

 private:
  BusyLoad() = default;
  std::vector<pid_t> children_;
};

}  // namespace lanewise::cli
