#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/bench/result.hpp"

namespace lanewise::cli {

/// What a page says about where its results come from: a name and a value each.
struct PageFact {
  std::string name;
  std::string value;
};

/// One self-contained HTML page with plots and tables of `results`: no scripts, nothing to load.
std::string bench_page(std::span<const BenchResult> results, std::span<const PageFact> facts);

/// Name of the CPU, versions and the time, for bench_page().
std::vector<PageFact> facts_of_this_run();

}  // namespace lanewise::cli
