#pragma once

#include "lanewise/session.hpp"
#include "ops/isa.hpp"

namespace lanewise {

/// What the options of a session come to on this machine.
struct SessionSetup {
  ops::Isa isa = ops::Isa::baseline;
  int threads = 1;
};

/// Fails as Session::create() does.
Result<SessionSetup> check_session_options(const SessionOptions& options);

/// Lets OpenMP make the team now, instead of in the first run.
void start_team(int threads);

}  // namespace lanewise
