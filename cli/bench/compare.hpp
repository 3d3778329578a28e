#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/bench/statistics.hpp"
#include "lanewise/status.hpp"

namespace lanewise::cli {

/// What can be said of two times: `faster`, `slower` or `no difference`.
///
/// The first is faster if the whole interval of the ratio is below 0.99, and slower if it is above
/// 1.01. A difference of less than 1 % is none: where the same code and weights happen to lie in
/// memory makes as much.
std::string_view verdict_of(const Ratio& ratio);

/// Two saved results of the same work.
struct Comparison {
  std::string work;  ///< `8 x 128 tokens, 2 threads, avx512, f32`, what both have in common
  std::string first_model;
  std::string second_model;
  double first_ms = 0.0;
  double second_ms = 0.0;
  Ratio ratio;  ///< of the first over the second
};

struct Comparisons {
  std::vector<Comparison> pairs;
  size_t unmatched = 0;  ///< results without a counterpart in the other file
};

/// Compares results as `bench --json` writes them, an object on each line. Results belong together
/// if lengths, threads, instruction set, weights and generation are equal; a single result on each
/// side in any case.
///
/// The interval of a ratio is from the lowest median of one over the highest of the other to the
/// reverse: it covers at least 95 %.
///
/// Fails with kInvalidArgument, naming the file and the line, if a line is no such object, and if no
/// two results belong together.
Result<Comparisons> compare_results(std::string_view first, std::string_view first_name,
                                    std::string_view second, std::string_view second_name);

}  // namespace lanewise::cli
