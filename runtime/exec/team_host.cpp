#include "runtime/exec/team_host.hpp"

#include <atomic>

namespace lanewise::exec {
namespace {

struct Round {
  TeamBody& body;
  const int threads;
  std::atomic<int> next{0};

  /// Numbers the calls itself: each thread needs memory of its own, whatever the host counts.
  void join() noexcept {
    const int thread = next.fetch_add(1, std::memory_order_relaxed);
    if (thread < threads) body.run(thread, threads);
  }
};

}  // namespace

void run_on_host(const HostThreads& host, int threads, TeamBody& body) {
  Round round{.body = body, .threads = threads};
  // A capture of one pointer: std::function allocates for more.
  host(threads, [shared = &round] { shared->join(); });
  if (round.next.load(std::memory_order_relaxed) == 0) round.join();
}

}  // namespace lanewise::exec
