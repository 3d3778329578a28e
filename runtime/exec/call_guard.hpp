#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <string_view>

#include "lanewise/status.hpp"

namespace lanewise::exec {

/// Keeps a forked process from using an object that was in a call during the fork: its copy is half
/// changed, and the thread that would end the call exists only in the parent.
///
/// Does not protect from calls at the same time within a process.
class CallGuard {
 public:
  /// `object` names it in the message; a literal.
  explicit CallGuard(std::string_view object) : object_(object) {}

  /// Returns call(), or kInvalidArgument if a call of another process has not ended.
  template <typename Call>
  auto run(const Call& call) -> decltype(call()) {
    const pid_t process = ::getpid();
    const pid_t other = process_.load(std::memory_order_relaxed);
    if (other != 0 && other != process) return interrupted();
    const Ending ending{process_};
    process_.store(process, std::memory_order_relaxed);
    return call();
  }

 private:
  struct Ending {
    std::atomic<pid_t>& process;
    ~Ending() { process.store(0, std::memory_order_relaxed); }
  };

  Status interrupted() const {
    return invalid_argument("this " + std::string(object_) +
                            " was running when its process was forked; create another one");
  }

  const std::string_view object_;
  std::atomic<pid_t> process_{0};  // of the call in progress
};

}  // namespace lanewise::exec
