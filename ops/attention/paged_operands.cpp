#include "ops/attention/paged_operands.hpp"

#include <array>
#include <string>

#include "base/status_macros.hpp"

namespace lanewise::ops {
namespace {

/// In the order of KvType.
constexpr std::array<std::string_view, 3> kTypes = {"f32", "bf16", "int8"};

Result<KvType> type_of(const Attributes& attributes) {
  LW_ASSIGN_OR_RETURN(const std::string name, attributes.get_string(kCacheType, kTypes.front()));
  for (size_t i = 0; i < kTypes.size(); ++i) {
    if (name == kTypes[i]) return static_cast<KvType>(i);
  }
  return invalid_argument("attribute '" + std::string(kCacheType) +
                          "': expected f32, bf16 or int8, found '" + name + "'");
}

}  // namespace

std::string_view name_of(KvType type) noexcept { return kTypes[static_cast<size_t>(type)]; }

Result<KvPage> page_of(const Attributes& attributes) {
  LW_ASSIGN_OR_RETURN(const AttentionProblem heads, check_heads(attributes));
  LW_ASSIGN_OR_RETURN(const KvType type, type_of(attributes));
  return KvPage{heads.kv_heads, heads.head_dim, type};
}

Status check_pages(const OperatorConfig& config, const KvPage& page) {
  const int64_t features = page.floats();
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
