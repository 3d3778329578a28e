#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "lanewise/generator.hpp"
#include "lanewise/session.hpp"
#include "lanewise/status.hpp"

namespace lanewise::cli {

/// A part of a run, limited by its multiply-adds or its reads.
struct BenchPart {
  double flops = 0.0;
  double read_bytes = 0.0;  ///< 0: reused so often that it does not count
};

/// What a run that generates spent on its prompts and on the steps behind them.
struct GenerationTimes {
  double first_token_ms = 0.0;  ///< until all sequences have their first token
  double prefill_tokens_per_s = 0.0;
  double decode_tokens_per_s = 0.0;  ///< 0 without steps behind the prompts
};

/// The subject of a measurement, new and not yet run.
class BenchTarget {
 public:
  virtual ~BenchTarget() = default;

  virtual Status run() = 0;
  virtual void set_profiling(bool on) = 0;
  /// Of the last run, with profiling.
  virtual std::vector<Session::NodeTime> profile() const = 0;
  virtual std::vector<BenchPart> parts() const = 0;

  /// Of the last run, with profiling; nothing if it did not generate.
  virtual std::optional<GenerationTimes> generation() const { return std::nullopt; }

  /// The tokens of a run that throughput counts.
  virtual int64_t tokens() const = 0;
  virtual int threads() const = 0;
  virtual std::string_view isa() const = 0;
};

/// Runs `session` on seeded random ids. The session must outlive it.
std::unique_ptr<BenchTarget> bench_session(Session& session, const ModelInfo& info,
                                           const std::vector<int32_t>& lengths);

/// Generates exactly `new_tokens` tokens for each of the seeded random sources.
/// The generator must outlive it.
std::unique_ptr<BenchTarget> bench_generator(Generator& generator, const ModelInfo& info,
                                             const std::vector<int32_t>& lengths, int beams,
                                             int64_t new_tokens);

}  // namespace lanewise::cli
