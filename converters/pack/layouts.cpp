#include "converters/pack/layouts.hpp"

namespace lanewise::converters {
namespace {

struct Entry {
  std::string_view op;
  std::string_view role;
  Layout layout;
};

// What is not here stays as it is.
constexpr Entry kEntries[] = {
    {"linear", "weight", Layout::kPanels},
    {"gru", "weight", Layout::kPanels},
    {"lstm", "weight", Layout::kPanels},
    {"embed", "table", Layout::kTable},
};

}  // namespace

Layout layout_of(std::string_view op, std::string_view role) noexcept {
  for (const Entry& entry : kEntries) {
    if (entry.op == op && entry.role == role) return entry.layout;
  }
  return Layout::kRows;
}

}  // namespace lanewise::converters
