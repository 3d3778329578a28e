#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "cli/bench/machine.hpp"
#include "cli/bench/notes.hpp"
#include "tests/cli/program.hpp"

namespace lanewise::cli {
namespace {

/// A folder in the place of /proc and /sys.
class BenchMachineTest : public converters::CheckpointFolderTest {
 protected:
  std::string root() const { return (source_ / "root").string(); }
  void put_at(const std::string& path, const std::string& text) {
    const std::filesystem::path whole = root() + path;
    std::filesystem::create_directories(whole.parent_path());
    std::ofstream(whole) << text << "\n";
  }
  MachineState state() const { return read_machine_state(root()); }
};

const MeasuredOn kTwoThreads{.threads = 2, .cpus = 2};

std::string all_of(const std::vector<std::string>& notes) {
  std::string text;
  for (const std::string& note : notes) text += note + "\n";
  return text;
}

TEST_F(BenchMachineTest, NothingReadableIsNoReasonForNotes) {
  const MachineState nothing = state();
  EXPECT_EQ(nothing.all_cpu_seconds, 0.0);
  EXPECT_EQ(all_of(explain(nothing, state(), kTwoThreads)), "");
  EXPECT_EQ(process_memory(root()).private_mb, 0.0);
  EXPECT_FALSE(energy_joules(root()).has_value());
}

TEST_F(BenchMachineTest, OtherProcessesAndMachines) {
  put_at("/proc/stat", "cpu  1000 0 500 9000 0 0 0 100 0 0");
  MachineState before = state();
  EXPECT_GT(before.all_cpu_seconds, 0.0);
  put_at("/proc/stat", "cpu  1600 0 500 9000 0 0 0 400 0 0");
  MachineState after = state();
  // 600 ticks in 10 seconds, of which 1 second was ours.
  after.seconds = before.seconds + 10.0;
  after.own_cpu_seconds = before.own_cpu_seconds + 1.0;
  const double used = after.all_cpu_seconds - before.all_cpu_seconds;
  const std::string notes = all_of(explain(before, after, kTwoThreads));
  char expected[64];
  std::snprintf(expected, sizeof expected, "other processes used %.2f CPUs", (used - 1.0) / 10.0);
  EXPECT_TRUE(converters::has(notes, expected, "hypervisor")) << notes;
  MeasuredOn with_load = kTwoThreads;
  with_load.with_load = true;
  EXPECT_EQ(all_of(explain(before, after, with_load)).find("busy machine"), std::string::npos);
}

TEST_F(BenchMachineTest, Quotas) {
  put_at("/proc/self/cgroup", "0::/user/job");
  put_at("/sys/fs/cgroup/user/job/cpu.max", "150000 100000");
  put_at("/sys/fs/cgroup/user/job/cpu.stat", "usage_usec 5\nnr_periods 9\nnr_throttled 4");
  const MachineState before = state();
  EXPECT_DOUBLE_EQ(before.quota_cpus, 1.5);
  EXPECT_EQ(before.quota_stops, 4);
  put_at("/sys/fs/cgroup/user/job/cpu.stat", "usage_usec 5\nnr_periods 9\nnr_throttled 11");
  EXPECT_TRUE(converters::has(all_of(explain(before, state(), kTwoThreads)),
                              "quota of 1.50 CPUs for 2 threads", "ran out 7 times"));
  EXPECT_EQ(all_of(explain(before, before, {.threads = 1, .cpus = 2})), "");
}

TEST_F(BenchMachineTest, QuotasOfTheFirstVersion) {
  put_at("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "50000");
  put_at("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000");
  EXPECT_DOUBLE_EQ(state().quota_cpus, 0.5);
  put_at("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1");
  EXPECT_EQ(state().quota_cpus, 0.0);
}

TEST_F(BenchMachineTest, FrequencyAndHeat) {
  for (long cpu = 0; cpu < ::sysconf(_SC_NPROCESSORS_CONF); ++cpu) {
    const std::string folder = "/sys/devices/system/cpu/cpu" + std::to_string(cpu);
    put_at(folder + "/cpufreq/scaling_cur_freq", "3000000");
    put_at(folder + "/thermal_throttle/core_throttle_count", "1");
  }
  const MachineState before = state();
  ASSERT_FALSE(before.mhz.empty());
  EXPECT_EQ(before.thermal_events, static_cast<int64_t>(before.mhz.size()));
  MachineState after = before;
  after.mhz.begin()->second = 2900.0;
  EXPECT_EQ(all_of(explain(before, after, kTwoThreads)), "") << "3 % is no change";
  after.mhz.begin()->second = 2000.0;
  after.thermal_events += 5;
  EXPECT_TRUE(converters::has(all_of(explain(before, after, kTwoThreads)),
                              "changed from 3000 to 2000 MHz", "too hot", "5 times"));
}

TEST_F(BenchMachineTest, WhatWasUsed) {
  const MachineState now = state();
  EXPECT_TRUE(converters::has(all_of(explain(now, now, {.threads = 4, .cpus = 2})),
                              "4 threads share 2 CPUs"));
  EXPECT_TRUE(converters::has(
      all_of(explain(now, now, {.threads = 1, .cpus = 2, .isa = "avx2", .best_isa = "avx512"})),
      "avx2 was used, this CPU has avx512"));
  EXPECT_TRUE(converters::has(
      all_of(explain(now, now, {.threads = 1, .cpus = 2, .peak_change = 0.7})), "0.70 of that"));
}

TEST(BenchNotes, SayHowFarAResultIsToBeTrusted) {
  BenchResult good;
  good.p50_ms = 10.0;
  good.p50_interval = {9.9, 10.1};
  EXPECT_TRUE(notes_of(good).empty());
  BenchResult bad = good;
  bad.p50_interval = {9.0, 11.5};
  bad.warm_up_was_steady = false;
  bad.warm_up_runs = 12;
  bad.machine_notes = {"busy machine"};
  bad.start = StartTimes{.kept_in_cache = 0.4};
  EXPECT_TRUE(converters::has(all_of(notes_of(bad)), "busy machine", "kept 40 %",
                              "after 12 runs of warm-up", "9.000 to 11.500 ms"));
}

TEST(BenchNotes, SumUpSeveralResults) {
  BenchResult bad;
  bad.p50_ms = 1.0;
  bad.p50_interval = {0.5, 1.5};
  bad.machine_notes = {"busy machine"};
  BenchResult good = bad;
  good.p50_interval = {1.0, 1.0};
  const std::vector<BenchResult> results = {bad, bad, good};
  const std::vector<std::string> notes = notes_of_all(results);
  ASSERT_EQ(notes.size(), 2u);
  EXPECT_EQ(notes[0], "busy machine");
  EXPECT_TRUE(converters::has(notes[1], "2 of 3 medians"));
}

TEST_F(BenchMachineTest, MemoryAndEnergy) {
  put_at("/proc/self/smaps_rollup",
         "0-1 ---p 0 0:0 0 [rollup]\nRss: 5000 kB\nPss: 3000 kB\nAnonymous: 1000 kB");
  EXPECT_NEAR(process_memory(root()).private_mb, 1.024, 1e-9);
  EXPECT_NEAR(process_memory(root()).pss_mb, 3.072, 1e-9);
  const std::string zones = "/sys/class/powercap/intel-rapl:";
  put_at(zones + "0/name", "package-0");
  put_at(zones + "0/energy_uj", "2500000");
  put_at(zones + "1/name", "package-1");
  put_at(zones + "1/energy_uj", "1500000");
  put_at(zones + "0:0/name", "core");
  put_at(zones + "0:0/energy_uj", "9000000");
  EXPECT_DOUBLE_EQ(energy_joules(root()).value_or(0), 4.0);
  EXPECT_DOUBLE_EQ(energy_between(4.0, 4.5).value_or(0), 0.5);
  EXPECT_FALSE(energy_between(4.0, 3.5).has_value()) << "the counter started again";
  EXPECT_FALSE(energy_between(std::nullopt, 3.5).has_value());
}

}  // namespace
}  // namespace lanewise::cli
