#pragma once

namespace lanewise::exec {

/// Moves the calling thread, number `thread` of a team, to another CPU if it is on `caller_cpu` and
/// may use others. Leaves its affinity unchanged.
///
/// A new or woken thread may start on its caller's CPU, and Linux takes some ten milliseconds to
/// separate two threads that both compute: longer than most runs.
void leave_cpu_of_caller(int caller_cpu, int thread) noexcept;

}  // namespace lanewise::exec
