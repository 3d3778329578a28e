#include "runtime/exec/cpus.hpp"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <string>

#include "runtime/exec/team.hpp"

namespace lanewise::exec {
namespace {

int affinity_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return 1;
  return std::max(1, CPU_COUNT(&set));
}

/// The quota of a cgroup in CPUs, or 0 where there is none. `cpu.max` of version 2 holds
/// "QUOTA PERIOD" or "max PERIOD"; version 1 has a file for each, with -1 for no limit.
double cgroup_quota() {
  std::ifstream v2("/sys/fs/cgroup/cpu.max");
  std::string quota;
  double period = 0;
  if (v2 >> quota >> period) {
    return quota == "max" || period <= 0 ? 0.0 : std::strtod(quota.c_str(), nullptr) / period;
  }
  std::ifstream v1_quota("/sys/fs/cgroup/cpu/cpu.cfs_quota_us");
  std::ifstream v1_period("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
  double microseconds = 0;
  if (v1_quota >> microseconds && v1_period >> period && microseconds > 0 && period > 0) {
    return microseconds / period;
  }
  return 0.0;
}

void move_away_from(int busy, int thread) noexcept {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return;
  const int others = CPU_COUNT(&allowed) - (CPU_ISSET(busy, &allowed) ? 1 : 0);
  if (others < 1) return;
  int skip = (thread - 1) % others;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (cpu == busy || !CPU_ISSET(cpu, &allowed) || skip-- > 0) continue;
    cpu_set_t chosen;
    CPU_ZERO(&chosen);
    CPU_SET(cpu, &chosen);
    if (sched_setaffinity(0, sizeof(chosen), &chosen) == 0) {
      sched_setaffinity(0, sizeof(allowed), &allowed);
    }
    return;
  }
}

}  // namespace

void leave_cpu_of_caller(int caller_cpu, int thread) noexcept {
  if (caller_cpu >= 0 && ::sched_getcpu() == caller_cpu) move_away_from(caller_cpu, thread);
}

int available_cpus() {
  const int cpus = affinity_cpus();
  const double quota = cgroup_quota();
  if (quota <= 0.0) return cpus;
  return std::clamp(static_cast<int>(std::ceil(quota)), 1, cpus);
}

}  // namespace lanewise::exec
