#pragma once

namespace lanewise::exec {

/// What every thread of a team does.
class TeamBody {
 public:
  virtual void run(int thread) noexcept = 0;

 protected:
  ~TeamBody() = default;
};

/// Calls body.run(0), ..., body.run(threads - 1) at once, each on a thread of its own, the caller
/// being thread 0, and returns when all have returned.
///
/// The only place that knows OpenMP. Threads come from its pool, which belongs to the calling
/// thread; the process's own OpenMP settings are neither read nor changed.
void run_team(int threads, TeamBody& body);

/// The CPUs that this process may use: its affinity, and its cgroup's quota rounded up.
int available_cpus();

}  // namespace lanewise::exec
