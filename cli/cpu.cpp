#include <cpuid.h>

#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "cli/command.hpp"
#include "lanewise/session.hpp"
#include "ops/cache_sizes.hpp"
#include "ops/dispatch.hpp"
#include "ops/status_macros.hpp"

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

struct CpuFacts {
  std::string name = cpu_name();
  int cpus = available_cpus();
  ops::CacheSizes caches = ops::cache_sizes();
  std::vector<std::string> compiled = compiled_isas();
  std::vector<std::string> available = available_isas();
  std::string isa;
};

std::string to_json(const CpuFacts& facts) {
  nlohmann::ordered_json json;
  json["name"] = facts.name;
  json["cpus"] = facts.cpus;
  json["l1d_bytes"] = facts.caches.l1;
  json["l2_bytes"] = facts.caches.l2;
  json["l3_bytes"] = facts.caches.l3;
  json["compiled_isas"] = facts.compiled;
  json["available_isas"] = facts.available;
  json["isa"] = facts.isa;
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

std::string to_plain(const CpuFacts& facts) {
  const auto kib = [](size_t bytes) { return bytes / 1024; };
  std::string text = fmt::format("{:<12}{}\n", "CPU", facts.name);
  text += fmt::format("{:<12}{} may be used\n", "CPUs", facts.cpus);
  text += fmt::format("{:<12}L1d {} KiB, L2 {} KiB, L3 {} KiB\n", "caches", kib(facts.caches.l1),
                      kib(facts.caches.l2), kib(facts.caches.l3));
  text += fmt::format("{:<12}{}\n", "compiled", fmt::join(facts.compiled, " "));
  text += fmt::format("{:<12}{}\n", "available", fmt::join(facts.available, " "));
  return text + fmt::format("{:<12}{}\n", "chosen", facts.isa);
}

Status cpu(bool json, Shell& shell) {
  CpuFacts facts;
  LW_ASSIGN_OR_RETURN(const ops::Isa isa, shell.common.isa.empty()
                                              ? ops::default_isa()
                                              : ops::find_isa(shell.common.isa));
  facts.isa = ops::name_of(isa);
  return shell.out.write(json ? to_json(facts) : to_plain(facts));
}

}  // namespace

Command make_cpu(CLI::App& program, Shell& shell) {
  CLI::App* command =
      add_command(program, shell, "cpu", "Show the CPU and the instruction sets that it can run");
  const auto json = std::make_shared<bool>(false);
  command->add_flag("--json", *json, "Print one JSON object");
  command->footer("`chosen` is what --isa or LANEWISE_ISA asks for, else the best available one.");
  return {command, [json, &shell] { return cpu(*json, shell); }};
}

}  // namespace lanewise::cli
