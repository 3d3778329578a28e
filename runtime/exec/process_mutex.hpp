#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <atomic>

namespace lanewise::exec {

/// A mutex that a forked process can lock although a thread of its parent held it during the fork. A
/// std::mutex would stay locked there forever.
///
/// What it guards must be usable after such a fork, wherever the thread was.
class ProcessMutex {
 public:
  void lock() noexcept {
    const pid_t process = ::getpid();
    for (pid_t holder = 0; !holder_.compare_exchange_strong(holder, process);) {
      if (holder == process) {
        holder_.wait(holder);
        holder = 0;
      }
      // Else the parent holds it: the next exchange takes it over.
    }
  }
  void unlock() noexcept {
    holder_.store(0);
    holder_.notify_one();
  }

 private:
  std::atomic<pid_t> holder_{0};  // the process whose thread holds it
};

}  // namespace lanewise::exec
