#pragma once

#include <sys/types.h>

#include <chrono>
#include <memory>

namespace lanewise::exec {

/// What every thread of a team does.
class TeamBody {
 public:
  /// Called once on each thread of the team: `thread` counts from 0 to `threads` - 1.
  virtual void run(int thread, int threads) noexcept = 0;

 protected:
  ~TeamBody() = default;
};

class Workers;

/// The threads of a session: its caller and workers of its own.
///
/// A team works with the threads that the system gives. Where that is fewer than it was made for
/// (`ulimit -u`, a cgroup's limit of tasks), the others do their work. In a process that was forked
/// off, where the parent's workers do not exist, it starts new ones.
class Team {
 public:
  enum class Kind {
    kOwn,     ///< threads that start with the team and end with it
    kOpenMp,  ///< those of OpenMP's pool for the calling thread
  };

  /// For up to `threads` threads, the caller included. Starts its own at once.
  explicit Team(int threads, Kind kind = Kind::kOwn);
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  /// Calls body.run(0, n), ..., body.run(n - 1, n) at once, each on a thread of its own, the caller
  /// being thread 0, and returns when all have returned. 1 <= n <= threads(). Calls must not
  /// overlap.
  void run(TeamBody& body);

  /// The most threads that a run has.
  int threads() const noexcept { return threads_; }
  /// The threads that a run would have now; OpenMP does not tell beforehand.
  int started() const noexcept;

 private:
  void start_missing();

  const int threads_;
  const Kind kind_;
  std::unique_ptr<Workers> workers_;
  pid_t process_;  // in which the workers were started
  std::chrono::steady_clock::time_point last_try_;
};

/// The CPUs that this process may use: its affinity, and its cgroup's quota rounded up.
int available_cpus() noexcept;

}  // namespace lanewise::exec
