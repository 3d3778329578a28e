#include "ops/dispatch.hpp"

#include <cpuid.h>

#include <array>
#include <cstdlib>
#include <string>

namespace lanewise::ops {
namespace {

/// Dot products of bytes in ymm registers; AVX2's own condition checks that the system saves these.
/// Clang 14's __builtin_cpu_supports() does not know the name. Source: Intel's Software Developer's
/// Manual, CPUID: leaf 7, subleaf 1, EAX bit 4.
bool cpu_has_avx_vnni() noexcept {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  // Subleaf 0 returns the number of the last subleaf; those beyond it are undefined.
  if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) == 0 || eax < 1) return false;
  return __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) != 0 && (eax & 1u << 4) != 0;
}

/// Conversions of f16; AVX2's own condition checks that the system saves the registers. Clang 14's
/// __builtin_cpu_supports() does not know the name. Source: as above, leaf 1, ECX bit 29.
bool cpu_has_f16c() noexcept {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  return __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx & 1u << 29) != 0;
}

struct IsaFacts {
  Isa isa;
  std::string_view name;
  bool compiled;
  bool available;
};

const auto& facts() noexcept {
  static const auto kFacts = [] {
    std::array facts = {
#define LW_ISA(name, parent, flags, condition) \
  IsaFacts{Isa::name, #name, LW_HAS_KERNELS_##name, static_cast<bool>(condition)},
#include "ops/isas.def"
#undef LW_ISA
    };
    for (IsaFacts& fact : facts) {
      const IsaFacts& parent = facts[static_cast<size_t>(parent_of(fact.isa))];
      fact.compiled = fact.compiled && parent.compiled;
      fact.available = fact.available && fact.compiled && parent.available;
    }
    return facts;
  }();
  return kFacts;
}

std::string available_names() {
  std::string names;
  for (const IsaFacts& fact : facts()) {
    if (!fact.available) continue;
    if (!names.empty()) names += ", ";
    names += fact.name;
  }
  return names;
}

}  // namespace

std::span<const Isa> all_isas() noexcept {
  static const auto kCompiled = [] {
    struct {
      std::array<Isa, kIsaCount> isas;
      size_t count;
    } compiled{};
    for (const IsaFacts& fact : facts()) {
      if (fact.compiled) compiled.isas[compiled.count++] = fact.isa;
    }
    return compiled;
  }();
  return {kCompiled.isas.data(), kCompiled.count};
}

std::string_view name_of(Isa isa) noexcept { return facts()[static_cast<size_t>(isa)].name; }

bool is_available(Isa isa) noexcept { return facts()[static_cast<size_t>(isa)].available; }

Isa best_isa() noexcept {
  Isa best = Isa::baseline;
  for (const IsaFacts& fact : facts()) {
    if (fact.available) best = fact.isa;
  }
  return best;
}

Result<Isa> find_isa(std::string_view name) {
  for (const IsaFacts& fact : facts()) {
    if (fact.name != name) continue;
    if (fact.available) return fact.isa;
    const std::string problem = fact.compiled ? "this CPU cannot run" : "this build leaves out";
    return invalid_argument(problem + " the instruction set '" + std::string(name) +
                            "'; available: " + available_names());
  }
  return invalid_argument("unknown instruction set '" + std::string(name) +
                          "'; available: " + available_names());
}

Result<Isa> default_isa() {
  const char* wanted = std::getenv("LANEWISE_ISA");
  if (wanted == nullptr || *wanted == '\0') return best_isa();
  Result<Isa> isa = find_isa(wanted);
  if (!isa.ok()) return isa.status().with_context("LANEWISE_ISA");
  return isa;
}

}  // namespace lanewise::ops
