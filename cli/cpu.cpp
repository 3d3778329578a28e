#include <cpuid.h>

#include <array>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "cli/command.hpp"
#include "lanewise/cpu.hpp"
#include "lanewise/session.hpp"
#include "lanewise/status_macros.hpp"

namespace lanewise::cli {
namespace {

/// The brand string of the CPU: 48 bytes in three leaves of CPUID.
std::string cpu_name() {
  constexpr unsigned kFirstLeaf = 0x80000002;
  std::array<unsigned, 12> words = {};
  for (unsigned i = 0; i < 3; ++i) {
    unsigned* word = words.data() + 4 * i;
    if (!__get_cpuid(kFirstLeaf + i, &word[0], &word[1], &word[2], &word[3])) return "unknown";
  }
  std::array<char, 49> text = {};
  std::memcpy(text.data(), words.data(), 48);
  const std::string name = text.data();
  const size_t begin = name.find_first_not_of(' ');
  if (begin == std::string::npos) return "unknown";
  return name.substr(begin, name.find_last_not_of(' ') + 1 - begin);
}

/// The peak rates of one core, in 1e9 operations per second.
struct Peaks {
  double f32;
  double int8;
  double bf16;
};

Result<Peaks> measure_peaks(std::string_view isa) {
  constexpr double kSeconds = 0.2;
  Peaks peaks{};
  LANEWISE_ASSIGN_OR_RETURN(peaks.f32, measure_peak_gops(isa, Arithmetic::kF32, kSeconds));
  LANEWISE_ASSIGN_OR_RETURN(peaks.int8, measure_peak_gops(isa, Arithmetic::kI8, kSeconds));
  LANEWISE_ASSIGN_OR_RETURN(peaks.bf16, measure_peak_gops(isa, Arithmetic::kBf16, kSeconds));
  return peaks;
}

struct CpuFacts {
  std::string name = cpu_name();
  int cpus = available_cpus();
  CacheSizes caches = cache_sizes();
  std::span<const std::string_view> compiled = compiled_isas();
  std::span<const std::string_view> available = available_isas();
  std::string_view isa;
  std::optional<Peaks> peaks{};  // of isa, on one core
};

std::string to_json(const CpuFacts& facts) {
  nlohmann::ordered_json json;
  json["name"] = facts.name;
  json["cpus"] = facts.cpus;
  json["l1d_bytes"] = facts.caches.l1;
  json["l2_bytes"] = facts.caches.l2;
  json["l3_bytes"] = facts.caches.l3;
  for (const std::string_view name : facts.compiled) json["compiled_isas"].push_back(name);
  for (const std::string_view name : facts.available) json["available_isas"].push_back(name);
  json["isa"] = facts.isa;
  for (const InstructionSet& set : instruction_sets()) {
    json["f32_kernels"][std::string(set.name)] = set.f32_kernels;
  }
  if (facts.peaks) {
    json["peaks"] = {{"f32_gflops", facts.peaks->f32},
                     {"int8_gops", facts.peaks->int8},
                     {"bf16_gflops", facts.peaks->bf16}};
  }
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

/// `avxvnni: avx2, ...`: instruction sets that use the f32 kernels of another.
std::string inherited() {
  std::string text;
  for (const InstructionSet& set : instruction_sets()) {
    if (set.f32_kernels == set.name) continue;
    if (!text.empty()) text += ", ";
    text += fmt::format("{} runs {}'s", set.name, set.f32_kernels);
  }
  return text;
}

std::string to_plain(const CpuFacts& facts) {
  const auto kib = [](int64_t bytes) { return bytes / 1024; };
  std::string text = fmt::format("{:<12}{}\n", "CPU", facts.name);
  text += fmt::format("{:<12}{} may be used\n", "CPUs", facts.cpus);
  text += fmt::format("{:<12}L1d {} KiB, L2 {} KiB, L3 {} KiB\n", "caches", kib(facts.caches.l1),
                      kib(facts.caches.l2), kib(facts.caches.l3));
  text += fmt::format("{:<12}{}\n", "compiled", fmt::join(facts.compiled, " "));
  text += fmt::format("{:<12}{}\n", "available", fmt::join(facts.available, " "));
  text += fmt::format("{:<12}{}\n", "chosen", facts.isa);
  text += fmt::format("{:<12}{}\n", "f32 kernels", inherited());
  if (!facts.peaks) return text;
  return text + fmt::format("{:<12}{:.0f} GFLOP/s f32, {:.0f} GOP/s int8, {:.0f} GFLOP/s bf16\n",
                            "one core", facts.peaks->f32, facts.peaks->int8, facts.peaks->bf16);
}

struct CpuFlags {
  bool json = false;
  bool peaks = false;
};

Status cpu(const CpuFlags& flags, Shell& shell) {
  CpuFacts facts;
  LANEWISE_ASSIGN_OR_RETURN(facts.isa, choose_isa(shell.common.isa));
  if (flags.peaks) {
    LANEWISE_ASSIGN_OR_RETURN(facts.peaks, measure_peaks(facts.isa));
  }
  return shell.out.write(flags.json ? to_json(facts) : to_plain(facts));
}

}  // namespace

Command make_cpu(CLI::App& program, Shell& shell) {
  CLI::App* command =
      add_command(program, shell, "cpu", "Show the CPU and the instruction sets that it supports");
  const auto flags = std::make_shared<CpuFlags>();
  command->add_flag("--json", flags->json, "Print one JSON object");
  command->add_flag("--peaks", flags->peaks, "Measure the peaks of one core: f32, int8, bf16");
  command->footer(
      "`chosen` is the instruction set given by --isa or LANEWISE_ISA, else the best available\n"
      "one. Its peaks are those of a loop of multiply-adds in registers, each of which counts as\n"
      "2 operations. Without bf16 instructions the bf16 peak is that of f32.");
  return {command, [flags, &shell] { return cpu(*flags, shell); }};
}

}  // namespace lanewise::cli
