#pragma once

#include <cstdint>
#include <span>

#include "lanewise/session.hpp"
#include "lanewise/status.hpp"
#include "runtime/exec/executor.hpp"
#include "runtime/plan/program.hpp"

namespace lanewise::exec {

/// Runs one sequence through a graph that ends at intermediate values, which Executor::result()
/// then returns.
///
/// ids         of the encoder, or of the only stack; token types are all 0
/// target_ids  of the decoder, if `program` has the input decoder_input_ids
/// `executor` must be that of `program`. The ids are not checked.
Status run_sequence(const plan::Program& program, Executor& executor, std::span<const int32_t> ids,
                    std::span<const int32_t> target_ids, const RunOptions& options);

}  // namespace lanewise::exec
