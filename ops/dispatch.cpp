#include "ops/dispatch.hpp"

#include <array>
#include <cstdlib>
#include <string>

namespace lanewise::ops {
namespace {

struct IsaFacts {
  Isa isa;
  std::string_view name;
  bool available;
};

const auto& facts() noexcept {
  static const std::array kFacts = {
#define LW_ISA(name, flags, condition) IsaFacts{Isa::name, #name, static_cast<bool>(condition)},
#include "ops/isas.def"
#undef LW_ISA
  };
  return kFacts;
}

constexpr std::array kAll = {
#define LW_ISA(name, flags, condition) Isa::name,
#include "ops/isas.def"
#undef LW_ISA
};

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

std::span<const Isa> all_isas() noexcept { return kAll; }

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
    return invalid_argument("this CPU cannot run the instruction set '" + std::string(name) +
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
