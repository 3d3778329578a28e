#include "runtime/exec/team.hpp"

#include <unistd.h>

#include <utility>

#include "runtime/exec/team_host.hpp"
#include "runtime/exec/team_openmp.hpp"
#include "runtime/exec/workers.hpp"

namespace lanewise::exec {
namespace {

/// How long a team with missing threads waits before it tries to start them again. A failed attempt
/// costs some 20 microseconds, as much as a small operator.
constexpr std::chrono::seconds kRetryAfter{1};

}  // namespace

Team::Team(int threads, TeamThreads kind)
    : threads_(threads), kind_(std::move(kind)), process_(::getpid()) {
  if (kind_.kind != TeamThreads::Kind::kOwn || threads_ <= 1) return;
  workers_ = std::make_unique<Workers>();
  last_try_ = std::chrono::steady_clock::now();
  workers_->start(threads_ - 1);
}

Team::~Team() {
  // A forked process has a copy of the object, but no threads to join.
  if (process_ != ::getpid() && workers_ != nullptr) workers_->abandon();
}

/// getpid() instead of pthread_atfork(): a handler would stay in the host's process forever, and
/// would miss a bare clone().
void Team::start_missing() {
  const pid_t process = ::getpid();
  if (process != process_) {
    workers_->abandon();
    workers_ = std::make_unique<Workers>();
    process_ = process;
    last_try_ = {};
  }
  if (workers_->count() == threads_ - 1) return;
  const auto now = std::chrono::steady_clock::now();
  if (now - last_try_ < kRetryAfter) return;
  last_try_ = now;
  workers_->start(threads_ - 1);
}

void Team::run(TeamBody& body) {
  if (threads_ <= 1) return body.run(0, 1);
  switch (kind_.kind) {
    case TeamThreads::Kind::kOwn:
      start_missing();
      return workers_->run(body);
    case TeamThreads::Kind::kOpenMp:
      return run_openmp(threads_, body);
    case TeamThreads::Kind::kHost:
      return run_on_host(kind_.host, threads_, body);
  }
}

int Team::started() const noexcept {
  return workers_ == nullptr ? threads_ : workers_->count() + 1;
}

}  // namespace lanewise::exec
