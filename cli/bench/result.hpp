#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/bench/statistics.hpp"
#include "cli/bench/target.hpp"
#include "lanewise/cpu.hpp"
#include "lanewise/session.hpp"

namespace lanewise::cli {

/// All nodes of one operator.
struct OperatorTime {
  std::string op;
  double milliseconds = 0.0;  ///< of a run's wall time; the team's time over its threads
  double share = 0.0;         ///< of the time of all operators
  double gflops = 0.0;
  double bytes = 0.0;  ///< read and written at least, in a run; 0: unknown
};

/// Requests that arrive at random times (`bench --rate`). Latencies count from the intended arrival.
struct StreamResult {
  double rate = 0.0;           ///< intended, requests a second
  double achieved_rate = 0.0;  ///< finished requests a second
  int64_t requests = 0;
  int64_t unfinished =
      0;  ///< still waiting at the end; their latency is at least their waiting time
  double p50_ms = 0.0;
  double p90_ms = 0.0;
  double p99_ms = 0.0;
  double p99_9_ms = 0.0;
  double max_ms = 0.0;
  double busy = 0.0;  ///< fraction of the time in which a request was served
};

/// Times from a file to the first result, of a new model and session (`bench --cold-start`).
struct StartTimes {
  double warm_load_ms = 0.0;
  double warm_first_run_ms = 0.0;
  double cold_load_ms = 0.0;
  double cold_first_run_ms = 0.0;
  /// The part of the file that stayed in the page cache although it was to be dropped.
  double kept_in_cache = 0.0;
};

/// The other side of `bench --against`.
struct AgainstResult {
  std::string model;
  Ratio ratio;  ///< this model's median time over the other's
  std::string verdict;
};

/// What `lanewise bench` reports; names as in its JSON.
struct BenchResult {
  std::string model;  ///< as given on the command line
  std::string weights;
  std::string isa;
  int threads = 0;
  std::vector<int32_t> lengths;  ///< of each sequence, including special tokens
  std::string input;             ///< file of the texts; empty: random ids
  int64_t new_tokens = 0;        ///< of each sequence; 0: nothing is generated
  int beams = 1;
  double load_ms = 0.0;
  double first_run_ms = 0.0;
  double p50_ms = 0.0;
  Interval p50_interval;
  double p90_ms = 0.0;
  double p99_ms = 0.0;
  double p99_9_ms = 0.0;
  double min_ms = 0.0;
  int64_t runs = 0;
  int64_t warm_up_runs = 0;
  bool warm_up_was_steady = true;
  int load = 0;  ///< busy processes in parallel to the runs
  double tokens_per_s = 0.0;
  /// The run with the median time until the first token; nothing if nothing is generated.
  std::optional<GenerationTimes> generation;
  double gflops = 0.0;
  /// The multiply-add rate of the weights' type in registers, and, for decoding steps, the limit
  /// set by reading their weights.
  Arithmetic arithmetic = Arithmetic::kF32;
  double peak_gflops = 0.0;
  double read_gbps = 0.0;  ///< of main memory, by these threads; 0: not measured
  double roofline_gflops = 0.0;
  double roofline_fraction = 0.0;
  bool reads_memory = false;
  double peak_rss_mb = 0.0;
  double private_mb = 0.0;  ///< of the process at the end of the runs, without mapped files
  double pss_mb = 0.0;      ///< with its share of pages that processes share; 0: unknown
  double allocations_per_run = 0.0;
  std::optional<double> joules_per_run;  ///< of the whole processor; nothing if it cannot be read
  std::vector<OperatorTime> operators;
  std::optional<AgainstResult> against;
  std::optional<StartTimes> start;
  std::vector<StreamResult> streams;
  std::vector<std::string> machine_notes;  ///< what may have disturbed or limited the runs
  /// Of the timed runs, in order.
  RunTimes times;
  /// Of one run, for a trace; its names are those of the session.
  std::vector<Session::NodeTime> profile;
};

}  // namespace lanewise::cli
