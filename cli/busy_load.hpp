#pragma once

#include <sys/types.h>

#include <vector>

#include "lanewise/status.hpp"

namespace lanewise::cli {

/// Other programs that want the same cores: processes that compute and never sleep. They end with
/// this object, and with this process however it ends.
class BusyLoad {
 public:
  /// kResourceExhausted when the system gives no more processes.
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
