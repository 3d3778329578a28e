// Implements the machine queries of lanewise/session.hpp.

#include <array>
#include <span>
#include <string_view>

#include "lanewise/session.hpp"
#include "ops/dispatch.hpp"
#include "runtime/exec/team.hpp"

namespace lanewise {
namespace {

/// Names of instruction sets, worst first.
struct IsaNames {
  std::array<std::string_view, ops::kIsaCount> names{};
  size_t count = 0;

  std::span<const std::string_view> all() const noexcept { return std::span(names).first(count); }
};

template <typename Want>
IsaNames names_of_isas(const Want& want) noexcept {
  IsaNames list;
  for (const ops::Isa isa : ops::all_isas()) {
    if (want(isa)) list.names[list.count++] = ops::name_of(isa);
  }
  return list;
}

}  // namespace

std::span<const std::string_view> compiled_isas() noexcept {
  static const IsaNames kNames = names_of_isas([](ops::Isa) { return true; });
  return kNames.all();
}

std::span<const std::string_view> available_isas() noexcept {
  static const IsaNames kNames = names_of_isas(ops::is_available);
  return kNames.all();
}

int available_cpus() noexcept { return exec::available_cpus(); }

}  // namespace lanewise
