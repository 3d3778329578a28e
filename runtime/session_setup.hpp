#pragma once

#include "lanewise/session.hpp"
#include "ops/isa.hpp"
#include "runtime/exec/team.hpp"

namespace lanewise {

/// The options of a session, resolved for this machine.
struct SessionSetup {
  ops::Isa isa = ops::Isa::baseline;
  int threads = 1;
  exec::TeamThreads team;
};

/// Fails as Session::create() does.
Result<SessionSetup> check_session_options(const SessionOptions& options);

/// Reports threads that `team` could not start to options.log.
void log_team(const SessionOptions& options, const exec::Team& team);

}  // namespace lanewise
