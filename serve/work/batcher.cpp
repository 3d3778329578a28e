#include "serve/work/batcher.hpp"

#include <algorithm>
#include <new>
#include <utility>

namespace lanewise::serve {
namespace {

// How soon work ends whose client has gone. Looking is a system call of a microsecond.
constexpr std::chrono::milliseconds kLookForClient{20};

}  // namespace

BatchStats& BatchStats::operator+=(const BatchStats& other) noexcept {
  waiting += other.waiting;
  batches += other.batches;
  jobs += other.jobs;
  tokens += other.tokens;
  return *this;
}

Status check_exchange(Exchange& exchange) {
  if (exchange.abandoned()) return cancelled("the client has closed the connection");
  if (Exchange::Clock::now() < exchange.deadline) return {};
  return cancelled("the request took longer than the server allows");
}

Batcher::Batcher(Run run, const BatchLimits& limits)
    : run_(std::move(run)), limits_(limits), thread_([this] { work(); }) {}

Batcher::~Batcher() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
    cancel_.store(true);
  }
  come_.notify_all();
  thread_.join();
}

Status Batcher::run(const std::shared_ptr<Job>& job, Exchange& exchange) {
  Lock lock(mutex_);
  waiting_.push_back(job);
  waiting_tokens_ += job->tokens;
  come_.notify_all();
  while (
      !job->done.wait_for(lock, kLookForClient, [&] { return job->state == Job::State::kDone; })) {
    lock.unlock();
    Status status = check_exchange(exchange);
    lock.lock();
    if (status.ok() || job->state == Job::State::kDone) continue;
    give_up(*job);
    return status;
  }
  return job->status;
}

/// The job's owner is the queue or the batch from now on.
void Batcher::give_up(Job& job) {
  job.given_up = true;
  if (job.state == Job::State::kRunning) {
    if (--wanted_ == 0) cancel_.store(true);
    return;
  }
  const auto found = std::ranges::find_if(
      waiting_, [&](const std::shared_ptr<Job>& one) { return one.get() == &job; });
  if (found == waiting_.end()) return;
  waiting_tokens_ -= job.tokens;
  waiting_.erase(found);
}

void Batcher::work() {
  Lock lock(mutex_);
  while (wait_for_batch(lock)) {
    // Room for all that could be in it: moving jobs from the queue must not fail half-way.
    std::vector<std::shared_ptr<Job>> batch;
    try {
      batch.reserve(waiting_.size());
    } catch (const std::bad_alloc&) {
      lock.unlock();
      std::this_thread::sleep_for(kLookForClient);
      lock.lock();
      continue;
    }
    take(batch);
    if (!batch.empty()) run_batch(lock, batch);
  }
}

/// False when the batcher ends.
bool Batcher::wait_for_batch(Lock& lock) {
  come_.wait(lock, [this] { return ends_ || !waiting_.empty(); });
  if (limits_.delay.count() > 0) {
    come_.wait_for(lock, limits_.delay,
                   [this] { return ends_ || waiting_tokens_ >= limits_.tokens; });
  }
  return !ends_;
}

/// The first job that waits, and those with its key that fit beside it, in their order.
void Batcher::take(std::vector<std::shared_ptr<Job>>& batch) {
  int64_t tokens = 0;
  for (auto one = waiting_.begin(); one != waiting_.end();) {
    const Job& job = **one;
    const bool fits =
        batch.empty() || (job.key == batch.front()->key && tokens + job.tokens <= limits_.tokens);
    if (!fits) {
      ++one;
      continue;
    }
    tokens += job.tokens;
    batch.push_back(std::move(*one));
    one = waiting_.erase(one);
    if (tokens >= limits_.tokens) break;
  }
  waiting_tokens_ -= tokens;
  if (batch.empty()) return;  // the only client has given up meanwhile
  ++stats_.batches;
  stats_.jobs += static_cast<int64_t>(batch.size());
  stats_.tokens += tokens;
}

void Batcher::run_batch(Lock& lock, const std::vector<std::shared_ptr<Job>>& batch) {
  for (const std::shared_ptr<Job>& job : batch) job->state = Job::State::kRunning;
  wanted_ = static_cast<int64_t>(batch.size());
  cancel_.store(ends_);
  lock.unlock();
  RunOptions options;
  options.cancel = &cancel_;
  try {
    std::vector<Job*> jobs;
    jobs.reserve(batch.size());
    for (const std::shared_ptr<Job>& job : batch) jobs.push_back(job.get());
    run_(jobs, options);
  } catch (const std::bad_alloc&) {
    // The message is short enough to need no memory.
    for (const std::shared_ptr<Job>& job : batch) job->status = resource_exhausted("out of memory");
  }
  lock.lock();
  for (const std::shared_ptr<Job>& job : batch) {
    job->state = Job::State::kDone;
    job->done.notify_all();
  }
}

BatchStats Batcher::stats() const {
  const std::lock_guard lock(mutex_);
  BatchStats stats = stats_;
  stats.waiting = static_cast<int64_t>(waiting_.size());
  return stats;
}

}  // namespace lanewise::serve
