#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/bench/sweep.hpp"
#include "cli/cache_flags.hpp"
#include "cli/shell.hpp"
#include "lanewise/model.hpp"

namespace lanewise::cli {

/// The command line of `lanewise bench`.
struct BenchOptions {
  std::string model;
  std::string against;
  std::vector<std::string> sweep;
  std::vector<std::string> compare;  // two files, or none
  std::string input;
  std::vector<double> rates;
  int64_t batch = 0;   // 0: not given
  int64_t length = 0;  // 0: not given
  std::vector<int32_t> lengths;
  std::string output;
  double seconds = 3.0;
  int load = 0;
  bool cold_start = false;
  std::string trace;
  std::string csv;
  std::string report;
  bool json = false;
  int64_t new_tokens = 0;
  int beams = 0;
  CacheFlags cache;

  void add_to(CLI::App& command);

  /// The combinations to measure: those of --sweep, or the one of the other flags. Throws wrong
  /// usage for flags that exclude each other.
  std::vector<SweepPoint> points(const Shell& shell) const;

  /// --batch sequences of --length tokens, or those of `point`; with --lengths the list, repeated up
  /// to --batch. Fails if the model does not take as many tokens.
  Result<std::vector<int32_t>> lengths_of(const SweepPoint& point, const ModelInfo& info) const;

  /// The model's main output, or that of --output.
  std::string output_of(const ModelInfo& info) const;

  /// Whether a run generates: if requested, and for encoder-decoders, which do nothing else, unless
  /// an output of their encoder is requested.
  bool generates(const ModelInfo& info) const;
};

}  // namespace lanewise::cli
