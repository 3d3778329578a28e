#pragma once

#include <cstdint>
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
  double between_tokens_ms = 0.0;    ///< of one sequence, on average; 0 likewise
};

/// The sequences of a run.
struct BenchInput {
  std::vector<std::vector<int32_t>> ids;  ///< [sequences][tokens]
  /// Texts of somebody: a run batches them as `lanewise embed` does, and a request is one of them.
  /// Otherwise a run is one batch, and so is a request.
  bool are_texts = false;

  std::vector<int32_t> lengths() const;
};

/// Random ids, the same in every run of the program.
BenchInput random_input(const std::vector<int32_t>& lengths, int64_t vocabulary);

/// The subject of a measurement.
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

  /// What a stream of requests consists of.
  virtual size_t requests() const = 0;
  virtual Status run_request(size_t index) = 0;

  /// The tokens of a run that throughput counts.
  virtual int64_t tokens() const = 0;
  virtual int threads() const = 0;
  virtual std::string_view isa() const = 0;
};

/// Runs `session` on `input`. Targets may share a session.
Result<std::unique_ptr<BenchTarget>> bench_session(std::shared_ptr<Session> session,
                                                   BenchInput input);

/// Generates exactly `new_tokens` tokens for each sequence of `input`. Targets may share a
/// generator.
std::unique_ptr<BenchTarget> bench_generator(std::shared_ptr<Generator> generator,
                                             const ModelInfo& info, BenchInput input, int beams,
                                             int64_t new_tokens);

}  // namespace lanewise::cli
