#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "lanewise/session.hpp"
#include "lanewise/status.hpp"
#include "serve/http/exchange.hpp"

namespace lanewise::serve {

/// The work of a request. Those with the same key may run together.
struct Job {
  virtual ~Job() = default;
  std::string key;
  int64_t tokens = 0;
  /// The result of a job that has run: set by the batcher's function. Results are in derived classes.
  Status status;

 private:
  friend class Batcher;
  enum class State { kWaiting, kRunning, kDone };
  State state = State::kWaiting;
  bool given_up = false;
  std::condition_variable done;
};

struct BatchLimits {
  int64_t tokens = 4096;               ///< of jobs that run together; a larger one runs alone
  std::chrono::milliseconds delay{0};  ///< that a batch waits for more jobs
};

struct BatchStats {
  int64_t waiting = 0;
  int64_t batches = 0;  ///< since the beginning
  int64_t jobs = 0;     ///< in these batches
  int64_t tokens = 0;   ///< in these batches

  BatchStats& operator+=(const BatchStats& other) noexcept;
};

/// A thread that runs jobs which come at any time. While it runs some, others gather, and run
/// together when it is free: the more clients, the larger the batches, without a wait.
class Batcher {
 public:
  /// Runs the jobs, all of one key, and sets the status of each. Must not throw but bad_alloc.
  using Run = std::function<void(const std::vector<Job*>& jobs, const RunOptions& options)>;

  Batcher(Run run, const BatchLimits& limits);
  /// No job may wait any longer.
  ~Batcher();
  Batcher(const Batcher&) = delete;
  Batcher& operator=(const Batcher&) = delete;

  /// Runs a job and returns its status. Fails with kCancelled once the exchange is abandoned or its
  /// deadline has passed; a batch of which nobody wants anything any longer ends. Thread-safe.
  Status run(const std::shared_ptr<Job>& job, Exchange& exchange);

  BatchStats stats() const;

 private:
  using Lock = std::unique_lock<std::mutex>;
  void work();
  bool wait_for_batch(Lock& lock);
  void take(std::vector<std::shared_ptr<Job>>& batch);
  void run_batch(Lock& lock, const std::vector<std::shared_ptr<Job>>& batch);
  void give_up(Job& job);

  const Run run_;
  const BatchLimits limits_;
  mutable std::mutex mutex_;
  std::condition_variable come_;
  std::deque<std::shared_ptr<Job>> waiting_;
  int64_t waiting_tokens_ = 0;
  int64_t wanted_ = 0;  // jobs of the running batch that have not been given up
  std::atomic<bool> cancel_{false};
  bool ends_ = false;
  BatchStats stats_;
  std::thread thread_;
};

/// Why an exchange cannot be waited for any longer: kCancelled, or success if it can.
Status check_exchange(Exchange& exchange);

}  // namespace lanewise::serve
