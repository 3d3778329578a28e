#pragma once

#include <vector>

#include "cli/bench/result.hpp"
#include "cli/bench/target.hpp"
#include "lanewise/model.hpp"
#include "lanewise/status.hpp"

namespace lanewise::cli {

/// Times a few runs of `target` node by node: sets the operators, generation and profile of
/// `result`. Returns the parts of a run, for the roofline.
Result<std::vector<BenchPart>> profile_runs(const Model& model, BenchTarget& target,
                                            BenchResult& result);

}  // namespace lanewise::cli
