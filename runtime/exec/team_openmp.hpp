#pragma once

#include "runtime/exec/team.hpp"

namespace lanewise::exec {

/// Team::run() on the threads of OpenMP's pool, which belongs to the calling thread: for hosts that
/// compute with OpenMP themselves. OpenMP's limits hold, inside a parallel region of the host too;
/// `threads` is the most that come. The process's OpenMP settings are not changed.
///
/// GNU's OpenMP ends the process when it cannot start a thread, and waits for ever in a forked
/// process for the parent's threads: there the caller works alone.
void run_openmp(int threads, TeamBody& body);

}  // namespace lanewise::exec
