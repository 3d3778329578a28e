#pragma once

#include "runtime/exec/team.hpp"

namespace lanewise::exec {

/// Team::run() on the calling thread's OpenMP pool, for hosts that use OpenMP themselves. Uses at
/// most `threads` threads, subject to OpenMP's limits, also inside a parallel region of the host.
/// Does not change the process's OpenMP settings.
///
/// GNU's OpenMP terminates the process if it cannot start a thread, and in a forked process it
/// waits forever for the parent's threads: there the caller works alone.
void run_openmp(int threads, TeamBody& body);

}  // namespace lanewise::exec
