#pragma once

#include <span>
#include <string>
#include <vector>

#include "cli/bench/result.hpp"

namespace lanewise::cli {

/// What may explain a surprise in `result`: what disturbed the machine, and how far the measurement
/// itself is to be trusted.
std::vector<std::string> notes_of(const BenchResult& result);

/// The same for several: each fact once, with the number of results that it concerns.
std::vector<std::string> notes_of_all(std::span<const BenchResult> results);

}  // namespace lanewise::cli
