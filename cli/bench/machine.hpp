#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace lanewise::cli {

/// What can disturb a measurement, as the system reports it. What cannot be read is empty or 0.
struct MachineState {
  double seconds = 0.0;          ///< of a steady clock
  double all_cpu_seconds = 0.0;  ///< that all processes of the machine have used; 0: unknown
  double own_cpu_seconds = 0.0;  ///< of those this process
  double stolen_seconds = 0.0;   ///< that the hypervisor gave to other machines
  double quota_cpus = 0.0;       ///< of the control group; 0: no quota
  int64_t quota_stops = 0;       ///< periods in which the quota ran out
  std::map<int, double> mhz;     ///< current frequency of each CPU of this process
  int64_t thermal_events = 0;    ///< of all CPUs
};

/// Reads /proc/stat, /proc/self/cgroup, /sys/fs/cgroup and /sys/devices/system/cpu.
///
/// root  where these folders are: empty, or a folder with copies for tests
MachineState read_machine_state(const std::string& root = {});

/// What a measurement was, for explain().
struct MeasuredOn {
  int threads = 0;
  int cpus = 0;  ///< that the process may use
  std::string isa;
  std::string best_isa;      ///< of this CPU and build
  bool with_load = false;    ///< beside busy processes of our own
  double peak_change = 1.0;  ///< peak rate after the measurement over that before
};

/// One line for each fact that may explain a surprising result: other busy processes, stolen time,
/// a quota below the threads, more threads than CPUs, a changed frequency or peak rate, thermal
/// limits, an instruction set below the best.
std::vector<std::string> explain(const MachineState& before, const MachineState& after,
                                 const MeasuredOn& measured);

/// The name of the CPU; `unknown` if /proc/cpuinfo does not say.
std::string cpu_name(const std::string& root = {});

/// The memory of this process, in 1e6 bytes; 0: unknown.
struct ProcessMemory {
  double private_mb = 0.0;  ///< anonymous memory, which no other process shares
  double pss_mb = 0.0;      ///< its share of all pages, mapped files included
};
ProcessMemory process_memory(const std::string& root = {});

/// The energy that all processors have used since some time, in joules (RAPL); nothing if it cannot
/// be read.
std::optional<double> energy_joules(const std::string& root = {});

/// The joules between two readings; nothing if one failed, or if a counter started again meanwhile.
std::optional<double> energy_between(std::optional<double> before, std::optional<double> after);

}  // namespace lanewise::cli
