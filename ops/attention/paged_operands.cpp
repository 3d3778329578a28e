#include "ops/attention/paged_operands.hpp"

#include <string>

#include "ops/attention/kv_page.hpp"

namespace lanewise::ops {

Status check_pages(const OperatorConfig& config, const AttentionProblem& problem) {
  const int64_t features = KvPage{problem.kv_heads, problem.head_dim}.floats();
  const OperandSpec& cache = config.inputs.back();
  if (cache.type == DataType::kF32 && cache.features == features) return {};
  return invalid_argument("cache: expected " + std::to_string(features) + " features F32, found " +
                          std::to_string(cache.features) + " " + std::string(name_of(cache.type)));
}

/// Only a decoder has a cache, which it gives to a step. (A model file cannot have f32 inputs:
/// runtime/model_checks.hpp.)
std::string_view tokens_and_pages(const NodeRows& rows) {
  bool fits = are_tokens(rows.output) && rows.inputs.size() >= 2;
  for (size_t i = 0; fits && i < rows.inputs.size(); ++i) {
    const bool is_cache = rows.inputs[i].rows == RowSymbol::kPages && rows.inputs[i].given;
    fits = i + 1 < rows.inputs.size() ? rows.inputs[i].rows == rows.output : is_cache;
  }
  return fits ? "" : "one row per token; the last input is a cache";
}

}  // namespace lanewise::ops
