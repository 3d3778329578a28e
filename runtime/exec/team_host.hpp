#pragma once

#include "lanewise/session.hpp"
#include "runtime/exec/team.hpp"

namespace lanewise::exec {

/// Team::run() on threads of the host: at most `threads` calls of body.run(), on the threads and in
/// the order that `host` chooses, at least one.
void run_on_host(const HostThreads& host, int threads, TeamBody& body);

}  // namespace lanewise::exec
