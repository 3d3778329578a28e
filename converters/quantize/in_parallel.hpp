#pragma once

#include <atomic>
#include <cstdint>
#include <exception>

#include "runtime/exec/team.hpp"

namespace lanewise::converters {

/// Calls work(i) once for every i in [0, count) on the threads of `team`, and returns when all are
/// done. If `work` throws, calls that have not begun are skipped and the exception is rethrown.
template <typename Work>
void in_parallel(exec::Team& team, int64_t count, const Work& work) {
  struct Body final : exec::TeamBody {
    Body(int64_t all, const Work& each) : count(all), work(each) {}
    void run(int, int) noexcept override {
      for (int64_t i = next++; i < count; i = next++) {
        try {
          work(i);
        } catch (...) {
          if (!failed.exchange(true)) failure = std::current_exception();
          next = count;
        }
      }
    }
    const int64_t count;
    const Work& work;
    std::atomic<int64_t> next = 0;
    std::atomic<bool> failed = false;
    std::exception_ptr failure;  // read after the team has returned
  } body(count, work);
  if (count > 1) {
    team.run(body);
  } else {
    body.run(0, 1);
  }
  if (body.failure) std::rethrow_exception(body.failure);
}

}  // namespace lanewise::converters
