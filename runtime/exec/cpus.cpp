#include "runtime/exec/cpus.hpp"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string_view>

#include "runtime/exec/team.hpp"

namespace lanewise::exec {
namespace {

int affinity_cpus() noexcept {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return 1;
  return std::max(1, CPU_COUNT(&set));
}

/// The first line of a small file, truncated to kSize; empty if it cannot be read.
template <size_t kSize>
std::string_view first_line(const char* path, std::array<char, kSize>& line) noexcept {
  const int file = ::open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return {};
  const ssize_t count = ::read(file, line.data(), line.size());
  ::close(file);
  if (count <= 0) return {};
  const std::string_view text(line.data(), static_cast<size_t>(count));
  return text.substr(0, text.find('\n'));
}

/// Parses a number; 0 if `text` is not one, such as "max".
double number(std::string_view text) noexcept {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? value : 0.0;
}

/// The quota of a cgroup in CPUs, or 0 if there is none. `cpu.max` of version 2 holds "QUOTA
/// PERIOD" or "max PERIOD"; version 1 has a file for each, with -1 for no limit.
double cgroup_quota() noexcept {
  std::array<char, 64> line;
  double quota = 0;
  double period = 0;
  const std::string_view v2 = first_line("/sys/fs/cgroup/cpu.max", line);
  if (const size_t space = v2.find(' '); space != std::string_view::npos) {
    quota = number(v2.substr(0, space));
    period = number(v2.substr(space + 1));
  } else {
    quota = number(first_line("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", line));
    period = number(first_line("/sys/fs/cgroup/cpu/cpu.cfs_period_us", line));
  }
  return quota > 0 && period > 0 ? quota / period : 0.0;
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

int available_cpus() noexcept {
  const int cpus = affinity_cpus();
  const double quota = cgroup_quota();
  if (quota <= 0.0) return cpus;
  return std::clamp(static_cast<int>(std::ceil(quota)), 1, cpus);
}

}  // namespace lanewise::exec
