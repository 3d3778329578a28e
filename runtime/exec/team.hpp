#pragma once

#include <sys/types.h>

#include <chrono>
#include <memory>

#include "lanewise/session.hpp"

namespace lanewise::exec {

/// The function that every thread of a team runs.
class TeamBody {
 public:
  /// Called at most once for each `thread` from 0 to `threads` - 1. Threads need not come at the same
  /// time, and some may not come at all: those that do must do all of the work.
  virtual void run(int thread, int threads) noexcept = 0;

 protected:
  ~TeamBody() = default;
};

class Workers;

/// Which threads a team works with.
struct TeamThreads {
  enum class Kind {
    kOwn,     ///< threads that live as long as the team
    kOpenMp,  ///< those of OpenMP's pool for the calling thread
    kHost,    ///< those on which `host` runs what it is given
  };
  Kind kind = Kind::kOwn;
  HostThreads host{};
};

/// The threads of a session: its caller and workers of its own, or others.
///
/// A team uses the threads that the system grants. If these are fewer than requested (`ulimit -u`,
/// a cgroup's task limit), they do the work of the missing ones. In a forked process, where the
/// parent's workers do not exist, it starts new ones.
class Team {
 public:
  /// For up to `threads` threads, including the caller. Starts its own at once.
  explicit Team(int threads, TeamThreads kind = {});
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  /// Calls body.run(0, n), ..., body.run(n - 1, n), each on its own thread, the caller being thread 0,
  /// and returns when all have returned. 1 <= n <= threads(). Threads of the host may come late or
  /// not at all. Calls must not overlap.
  void run(TeamBody& body);

  /// The maximum number of threads of a run.
  int threads() const noexcept { return threads_; }
  /// The threads that a run would have now; for those of OpenMP and of the host this is not
  /// known in advance.
  int started() const noexcept;

 private:
  void start_missing();

  const int threads_;
  const TeamThreads kind_;
  std::unique_ptr<Workers> workers_;
  pid_t process_;  // in which the workers were started
  std::chrono::steady_clock::time_point last_try_;
};

/// The CPUs that this process may use: its affinity, and its cgroup's quota rounded up.
int available_cpus() noexcept;

}  // namespace lanewise::exec
