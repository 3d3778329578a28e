#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "cli/bench/compare.hpp"
#include "cli/bench/result.hpp"

namespace lanewise::cli {

/// One object on one line.
std::string bench_json(const BenchResult& result);

/// A human-readable table of one result.
std::string bench_table(const BenchResult& result);

/// A human-readable table with a line for each result.
std::string bench_rows(std::span<const BenchResult> results);

/// Comma-separated values (RFC 4180) with a header: a line for each result, and one for each of its
/// streams of requests.
std::string bench_csv(std::span<const BenchResult> results);

/// `8 x 128 tokens`, or for unequal lengths `3 sequences of 5 to 128 tokens, 200 in all`.
std::string describe_batch(std::span<const int32_t> lengths);

/// The results of --compare, for people and, an object on each line, for scripts.
std::string comparison_table(const Comparisons& comparisons);
std::string comparison_json(const Comparisons& comparisons);

}  // namespace lanewise::cli
