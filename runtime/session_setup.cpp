#include "runtime/session_setup.hpp"

#include <string>

#include "base/status_macros.hpp"
#include "ops/dispatch.hpp"
#include "runtime/exec/team.hpp"

namespace lanewise {
namespace {

constexpr int kMostThreads = 1024;

}  // namespace

Result<SessionSetup> check_session_options(const SessionOptions& options) {
  SessionSetup setup;
  LW_ASSIGN_OR_RETURN(setup.isa,
                      options.isa.empty() ? ops::default_isa() : ops::find_isa(options.isa));
  if (options.threads < 0 || options.threads > kMostThreads) {
    return invalid_argument("threads: expected 0 to " + std::to_string(kMostThreads) + ", found " +
                            std::to_string(options.threads));
  }
  if (options.cache_bytes < 0) {
    return invalid_argument("cache_bytes: expected at least 0, found " +
                            std::to_string(options.cache_bytes));
  }
  setup.threads = options.threads == 0 ? exec::available_cpus() : options.threads;
  if (options.use_openmp && options.host_threads) {
    return invalid_argument("use_openmp and host_threads: expected one of them");
  }
  using Kind = exec::TeamThreads::Kind;
  if (options.use_openmp) setup.team.kind = Kind::kOpenMp;
  if (options.host_threads) setup.team = {Kind::kHost, options.host_threads};
  return setup;
}

void log_team(const SessionOptions& options, const exec::Team& team) {
  if (!options.log || team.started() == team.threads()) return;
  options.log("threads: " + std::to_string(team.started()) + " of " +
              std::to_string(team.threads()) + ", the system refuses more");
}

}  // namespace lanewise
