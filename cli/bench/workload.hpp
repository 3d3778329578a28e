#pragma once

#include <string>
#include <vector>

#include "cli/bench/target.hpp"
#include "cli/shell.hpp"
#include "lanewise/model.hpp"
#include "lanewise/status.hpp"

namespace lanewise::cli {

/// Reads the lines of a file or, for `-`, of stdin: up to 10,000, and says on stderr if there are
/// more. Fails if there is none, and for a line that is not UTF-8.
Result<std::vector<std::string>> read_workload(const std::string& path, const Shell& shell);

/// The texts' ids, as the commands for texts make them: truncated to what the model reads.
Result<BenchInput> tokenize_workload(const Model& model, const std::vector<std::string>& texts);

}  // namespace lanewise::cli
