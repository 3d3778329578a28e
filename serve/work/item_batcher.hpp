#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "serve/work/batcher.hpp"

namespace lanewise::serve {

/// A Batcher for requests of items, such as texts, which gets a result for each. Items of requests
/// with equal options are computed in one call.
template <typename Item, typename Options, typename Found>
class ItemBatcher {
 public:
  using Items = std::vector<const Item*>;
  /// Returns a result for each item, in their order.
  using Compute = std::function<Result<std::vector<Found>>(
      const Items& items, const Options& options, const RunOptions& run)>;

  ItemBatcher(Compute compute, const BatchLimits& limits)
      : compute_(std::move(compute)),
        batcher_([this](const std::vector<Job*>& jobs, const RunOptions& run) { all(jobs, run); },
                 limits) {}

  /// The results of `items`. `key` is equal for equal options only. Fails as Batcher::run() and
  /// Compute do. Thread-safe.
  Result<std::vector<Found>> run(std::vector<Item> items, Options options, const std::string& key,
                                 int64_t tokens, Exchange& exchange) {
    const auto job = std::make_shared<Request>();
    job->items = std::move(items);
    job->options = std::move(options);
    job->key = key;
    job->tokens = tokens;
    const Status status = batcher_.run(job, exchange);
    if (!status.ok()) return status;
    return std::move(job->found);
  }

  BatchStats stats() const { return batcher_.stats(); }

 private:
  struct Request : Job {
    std::vector<Item> items;
    Options options;
    std::vector<Found> found;
  };

  /// Runs jobs together. If that fails, each alone, as it may be the fault of one of them.
  void all(const std::vector<Job*>& jobs, const RunOptions& run) {
    if (together(jobs, run)) return;
    for (Job* job : jobs) {
      if (jobs.size() > 1) static_cast<void>(together({job}, run));
    }
  }

  bool together(const std::vector<Job*>& jobs, const RunOptions& run) {
    Items items;
    for (Job* job : jobs) {
      for (const Item& item : static_cast<Request*>(job)->items) items.push_back(&item);
    }
    auto found = compute_(items, static_cast<Request*>(jobs.front())->options, run);
    if (!found.ok()) {
      for (Job* job : jobs) job->status = found.status();
      return false;
    }
    auto next = found->begin();
    for (Job* job : jobs) {
      auto* request = static_cast<Request*>(job);
      const auto end = next + static_cast<std::ptrdiff_t>(request->items.size());
      request->found.assign(std::make_move_iterator(next), std::make_move_iterator(end));
      request->status = {};
      next = end;
    }
    return true;
  }

  const Compute compute_;
  Batcher batcher_;  // last: its thread uses the others
};

}  // namespace lanewise::serve
