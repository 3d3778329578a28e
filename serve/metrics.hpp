#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "serve/http/exchange.hpp"
#include "serve/models.hpp"

namespace lanewise::serve {

/// Counts requests, and writes all that is counted as Prometheus reads it. Thread-safe.
class Metrics {
 public:
  /// A request that has ended. Those of paths that no route has share one line.
  void count(const Exchange& exchange, bool known_path);

  /// active       requests that are being answered
  /// connections  that are open
  std::string text(const Models& models, int64_t active, int64_t connections) const;

 private:
  // Seconds, from a cached answer to a long generation.
  static constexpr std::array kBounds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                         0.5,   1.0,    2.5,   5.0,  10.0,  30.0, 60.0};
  struct Times {
    std::array<int64_t, kBounds.size()> counts{};  // up to each bound
    int64_t all = 0;
    double sum = 0;
  };
  struct Tokens {
    int64_t prompt = 0;
    int64_t generated = 0;
  };

  mutable std::mutex mutex_;
  std::map<std::pair<std::string, int>, int64_t> requests_;  // by path and status
  std::map<std::string, Times, std::less<>> times_;          // by path
  std::map<std::string, Tokens, std::less<>> tokens_;        // by model
};

/// A line of the log: time, method, path, status, ms, model, tokens.
std::string log_line(const Exchange& exchange);

}  // namespace lanewise::serve
