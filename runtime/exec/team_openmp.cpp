#include "runtime/exec/team_openmp.hpp"

#include <omp.h>
#include <sched.h>
#include <unistd.h>

#include <atomic>

#include "runtime/exec/cpus.hpp"

namespace lanewise::exec {
namespace {

// Read when the library is loaded. A process with another id was forked later, and its OpenMP may
// refer to threads that only the parent has.
const pid_t g_loaded_in = ::getpid();

/// State shared by the threads. OpenMP orders its fork and join properly, but in ways that the
/// thread sanitizer cannot see; the two counters express the same in C++.
struct Region {
  TeamBody& body;
  int caller_cpu;
  std::atomic<bool> begun{false};
  std::atomic<int> ended{0};
};

}  // namespace

void run_openmp(int threads, TeamBody& body) {
  if (::getpid() != g_loaded_in) {
    body.run(0, 1);
    return;
  }
  Region region{body, ::sched_getcpu()};
  Region* const shared = &region;
  region.begun.store(true, std::memory_order_release);
#pragma omp parallel num_threads(threads) default(none) firstprivate(shared)
  {
    static_cast<void>(shared->begun.load(std::memory_order_acquire));
    const int thread = omp_get_thread_num();
    if (thread != 0) leave_cpu_of_caller(shared->caller_cpu, thread);
    shared->body.run(thread, omp_get_num_threads());
    shared->ended.fetch_add(1, std::memory_order_release);
  }
  static_cast<void>(region.ended.load(std::memory_order_acquire));
}

}  // namespace lanewise::exec
