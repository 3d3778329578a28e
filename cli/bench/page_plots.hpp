#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/bench/result.hpp"

namespace lanewise::cli {

/// The plots of `results` that have something to show.
std::string page_figures(std::span<const BenchResult> results);

/// The results whose operators and streams are shown: of each kind of weights and each model the one with the
/// most tokens, on the most threads; four at most.
std::vector<const BenchResult*> typical(std::span<const BenchResult> results);

/// `minilm.lw, f32, avx512, 2 threads, 8 x 128 tokens`.
std::string full_name(const BenchResult& result);

/// The last part of a path: a page may be shared, and the rest of the path is private.
std::string last_part_of(std::string_view path);

}  // namespace lanewise::cli
