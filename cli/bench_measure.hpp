#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/bench_target.hpp"
#include "lanewise/cpu.hpp"
#include "lanewise/model.hpp"
#include "lanewise/session.hpp"
#include "lanewise/status.hpp"

namespace lanewise::cli {

/// The work of one run and how long to repeat it.
struct BenchWork {
  std::string model;             ///< as given on the command line
  std::vector<int32_t> lengths;  ///< of each sequence, including special tokens
  std::string output;            ///< what is computed
  int64_t new_tokens = 0;        ///< of each sequence; 0: nothing is generated
  int beams = 1;
  double seconds = 3.0;
  int load = 0;  ///< busy processes in parallel to the runs
};

/// All nodes of one operator.
struct OperatorTime {
  std::string op;
  double milliseconds = 0.0;  ///< of a run's wall time; the team's time over its threads
  double share = 0.0;         ///< of the time of all operators
  double gflops = 0.0;
};

/// What `lanewise bench` reports; names as in its JSON.
struct BenchResult {
  std::string model;
  std::string weights;
  std::string isa;
  int threads = 0;
  std::vector<int32_t> lengths;
  int64_t new_tokens = 0;
  int beams = 1;
  double load_ms = 0.0;
  double first_run_ms = 0.0;
  double p50_ms = 0.0;
  double p90_ms = 0.0;
  double p99_ms = 0.0;
  double min_ms = 0.0;
  int64_t runs = 0;
  int load = 0;
  double tokens_per_s = 0.0;
  /// The run with the median time until the first token; nothing if nothing is generated.
  std::optional<GenerationTimes> generation;
  double gflops = 0.0;
  /// The multiply-add rate of the weights' type in registers, and, for decoding steps, the limit
  /// set by reading their weights.
  Arithmetic arithmetic = Arithmetic::kF32;
  double roofline_gflops = 0.0;
  double roofline_fraction = 0.0;
  bool reads_memory = false;
  double peak_rss_mb = 0.0;
  double allocations_per_run = 0.0;
  std::vector<OperatorTime> operators;
  /// Of one run, for a trace.
  std::vector<Session::NodeTime> profile;
};

/// Measures `target`, which runs `work` on `model`. The caller sets `load_ms`.
Result<BenchResult> measure(const Model& model, BenchTarget& target, const BenchWork& work);

}  // namespace lanewise::cli
