#include "converters/pack/layouts.hpp"

#include "ops/description.hpp"

namespace lanewise::converters {

Layout layout_of(std::string_view op, std::string_view role) noexcept {
  const ops::WeightRole* weight = ops::find_operator(op)->find_weight(role);
  if (weight == nullptr) return Layout::kRows;
  if (weight->use == ops::WeightUse::kProduct) return Layout::kPanels;
  const bool is_table = weight->use == ops::WeightUse::kLookup && weight->low_precision;
  return is_table ? Layout::kTable : Layout::kRows;
}

}  // namespace lanewise::converters
