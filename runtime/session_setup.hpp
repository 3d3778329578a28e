#pragma once

#include "lanewise/session.hpp"
#include "ops/isa.hpp"
#include "runtime/exec/team.hpp"

namespace lanewise {

/// What the options of a session come to on this machine.
struct SessionSetup {
  ops::Isa isa = ops::Isa::baseline;
  int threads = 1;
  exec::Team::Kind team = exec::Team::Kind::kOwn;
};

/// Fails as Session::create() does.
Result<SessionSetup> check_session_options(const SessionOptions& options);

/// Tells options.log of threads that `team` asked for and did not get.
void log_team(const SessionOptions& options, const exec::Team& team);

}  // namespace lanewise
