#include "cli/bench/machine.hpp"

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>

#include <fmt/format.h>

namespace lanewise::cli {
namespace {

// Half of a percent is what daemons of a quiet machine take.
constexpr double kBusyCpus = 0.05;
constexpr double kStolenPart = 0.01;
// The clock of a quiet machine varies by a few percent with temperature.
constexpr double kChangedPart = 0.05;

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::optional<double> read_number(const std::string& path) {
  std::ifstream file(path);
  double number = 0.0;
  if (file >> number) return number;
  return std::nullopt;
}

double cpu_seconds(const struct timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

/// `cpu  user nice system idle iowait irq softirq steal ...` in clock ticks; guests are in user.
void read_cpu_times(const std::string& root, MachineState& state) {
  std::istringstream line(first_line(root + "/proc/stat"));
  std::string name;
  double user = 0, nice = 0, system = 0, idle = 0, wait = 0, irq = 0, softirq = 0, steal = 0;
  if (!(line >> name >> user >> nice >> system >> idle >> wait >> irq >> softirq)) return;
  line >> steal;
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  state.all_cpu_seconds = (user + nice + system + irq + softirq) / ticks;
  state.stolen_seconds = steal / ticks;
}

/// The folder of this process in the hierarchy of control groups, version 2: `0::/path`.
std::string control_group(const std::string& root) {
  std::ifstream file(root + "/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("0::", 0) == 0) return line.substr(3);
  }
  return "/";
}

/// `max 100000` or `quota period`; a container sees its own group at the top.
void read_quota(const std::string& root, MachineState& state) {
  const std::string top = root + "/sys/fs/cgroup";
  for (const std::string& folder : {top + control_group(root), top}) {
    std::istringstream line(first_line(folder + "/cpu.max"));
    double quota = 0, period = 0;
    if (line >> quota >> period && period > 0) state.quota_cpus = quota / period;
    std::ifstream stat(folder + "/cpu.stat");
    std::string name;
    for (int64_t number = 0; stat >> name >> number;) {
      if (name == "nr_throttled") state.quota_stops = number;
    }
    if (state.quota_cpus > 0) return;
  }
  const std::optional<double> quota = read_number(top + "/cpu/cpu.cfs_quota_us");
  const std::optional<double> period = read_number(top + "/cpu/cpu.cfs_period_us");
  if (quota && period && *quota > 0 && *period > 0) state.quota_cpus = *quota / *period;
}

void read_cpus(const std::string& root, MachineState& state) {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(static_cast<size_t>(cpu), &allowed)) continue;
    const std::string folder = fmt::format("{}/sys/devices/system/cpu/cpu{}", root, cpu);
    const auto khz = read_number(folder + "/cpufreq/scaling_cur_freq");
    if (khz) state.mhz[cpu] = *khz / 1e3;
    for (const char* counter : {"core_throttle_count", "package_throttle_count"}) {
      const auto events = read_number(folder + "/thermal_throttle/" + counter);
      state.thermal_events += static_cast<int64_t>(events.value_or(0.0));
    }
  }
}

/// The largest change of a CPU's frequency, as a sentence; empty if none changed much.
std::string changed_frequency(const MachineState& before, const MachineState& after) {
  std::string text;
  double most = kChangedPart;
  for (const auto& [cpu, mhz] : before.mhz) {
    const auto now = after.mhz.find(cpu);
    if (now == after.mhz.end() || mhz <= 0.0) continue;
    const double part = std::abs(now->second - mhz) / mhz;
    if (part <= most) continue;
    most = part;
    text = fmt::format("the frequency of CPU {} changed from {:.0f} to {:.0f} MHz", cpu, mhz,
                       now->second);
  }
  return text;
}

/// What others took from this process while it was measured.
void explain_neighbours(const MachineState& before, const MachineState& after,
                        const MeasuredOn& measured, std::vector<std::string>& notes) {
  const double seconds = after.seconds - before.seconds;
  if (seconds <= 0.0) return;
  const double own = after.own_cpu_seconds - before.own_cpu_seconds;
  const double others = (after.all_cpu_seconds - before.all_cpu_seconds - own) / seconds;
  if (before.all_cpu_seconds > 0.0 && others > kBusyCpus && !measured.with_load) {
    notes.push_back(fmt::format(
        "busy machine: other processes used {:.2f} CPUs during the measurement", others));
  }
  const double stolen = (after.stolen_seconds - before.stolen_seconds) / seconds;
  if (stolen > kStolenPart) {
    notes.push_back(fmt::format("the hypervisor gave {:.2f} CPUs to other machines", stolen));
  }
}

void explain_limits(const MachineState& before, const MachineState& after,
                    const MeasuredOn& measured, std::vector<std::string>& notes) {
  if (after.quota_cpus > 0.0 && after.quota_cpus < measured.threads) {
    notes.push_back(fmt::format("the control group has a quota of {:.2f} CPUs for {} threads",
                                after.quota_cpus, measured.threads));
  }
  if (after.quota_stops > before.quota_stops) {
    notes.push_back(fmt::format("the quota of the control group ran out {} times",
                                after.quota_stops - before.quota_stops));
  }
  if (measured.cpus > 0 && measured.threads > measured.cpus) {
    notes.push_back(fmt::format("{} threads share {} CPUs", measured.threads, measured.cpus));
  }
  if (after.thermal_events > before.thermal_events) {
    notes.push_back(fmt::format("the processor became too hot and slowed down {} times",
                                after.thermal_events - before.thermal_events));
  }
}

}  // namespace

MachineState read_machine_state(const std::string& root) {
  MachineState state;
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  state.seconds = std::chrono::duration<double>(now).count();
  struct rusage usage = {};
  ::getrusage(RUSAGE_SELF, &usage);
  state.own_cpu_seconds = cpu_seconds(usage.ru_utime) + cpu_seconds(usage.ru_stime);
  read_cpu_times(root, state);
  read_quota(root, state);
  read_cpus(root, state);
  return state;
}

std::vector<std::string> explain(const MachineState& before, const MachineState& after,
                                 const MeasuredOn& measured) {
  std::vector<std::string> notes;
  explain_neighbours(before, after, measured, notes);
  explain_limits(before, after, measured, notes);
  const std::string frequency = changed_frequency(before, after);
  if (!frequency.empty()) notes.push_back(frequency);
  if (std::abs(measured.peak_change - 1.0) > kChangedPart) {
    notes.push_back(
        fmt::format("the peak rate after the runs was {:.2f} of that before: the clock "
                    "changed, or other processes ran",
                    measured.peak_change));
  }
  if (!measured.best_isa.empty() && measured.isa != measured.best_isa) {
    notes.push_back(fmt::format("{} was used, this CPU has {}", measured.isa, measured.best_isa));
  }
  return notes;
}

std::string cpu_name(const std::string& root) {
  std::ifstream file(root + "/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const size_t colon = line.find(": ");
    if (line.rfind("model name", 0) == 0 && colon != std::string::npos) {
      return line.substr(colon + 2);
    }
  }
  return "unknown";
}

ProcessMemory process_memory(const std::string& root) {
  ProcessMemory memory;
  std::ifstream file(root + "/proc/self/smaps_rollup");
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string name;
    double kib = 0.0;
    if (!(words >> name >> kib)) continue;
    if (name == "Anonymous:") memory.private_mb = kib * 1024.0 / 1e6;
    if (name == "Pss:") memory.pss_mb = kib * 1024.0 / 1e6;
  }
  return memory;
}

std::optional<double> energy_joules(const std::string& root) {
  std::error_code failure;
  const std::filesystem::path folder = root + "/sys/class/powercap";
  std::optional<double> joules;
  for (const auto& zone : std::filesystem::directory_iterator(folder, failure)) {
    // Zones within a processor are parts of its own zone: `intel-rapl:0`, but `intel-rapl:0:1`.
    const std::string path = zone.path().string();
    if (first_line(path + "/name").rfind("package", 0) != 0) continue;
    const auto microjoules = read_number(path + "/energy_uj");
    if (microjoules) joules = joules.value_or(0.0) + *microjoules / 1e6;
  }
  return joules;
}

std::optional<double> energy_between(std::optional<double> before, std::optional<double> after) {
  if (!before || !after || *after < *before) return std::nullopt;
  return *after - *before;
}

}  // namespace lanewise::cli
