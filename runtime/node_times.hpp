#pragma once

#include <vector>

#include "lanewise/session.hpp"
#include "runtime/exec/executor.hpp"
#include "runtime/plan/program.hpp"

namespace lanewise {

/// Appends the times of each node on each thread in the executor's last run, with the names of
/// `program`.
///
/// begin_us  when that run began, on the caller's clock
void append_node_times(const plan::Program& program, const exec::Executor& executor,
                       double begin_us, std::vector<Session::NodeTime>& times);

}  // namespace lanewise
