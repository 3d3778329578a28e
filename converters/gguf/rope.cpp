#include "converters/gguf/rope.hpp"

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/formats/elements.hpp"

namespace lanewise::converters {
namespace {

using base::in_quotes;
using Json = base::JsonTree;

constexpr double kMost = 1e12;
constexpr double kUsualBase = 10000;  // of llama.cpp, for a file without one

/// The part that gives `turned` again when Transformers multiplies it by `head_dim` and truncates.
double part_of(int64_t turned, int64_t head_dim) {
  double part = static_cast<double>(turned) / static_cast<double>(head_dim);
  if (static_cast<int64_t>(part * static_cast<double>(head_dim)) < turned) {
    part = std::nextafter(part, 1.0);
  }
  return part;
}

Result<std::vector<float>> factors(const GgufInput& input, std::string_view name, int64_t pairs) {
  const CheckpointTensor* const found = input.tensors.find(name);
  if (found == nullptr) return data_loss("tensor " + in_quotes(name) + " is missing");
  const CheckpointTensor& tensor = *found;
  const Shape expected = {pairs};
  if (tensor.shape != expected) {
    return data_loss("tensor " + in_quotes(name) + " has the shape " + to_string(tensor.shape) +
                     ", expected " + to_string(expected));
  }
  LW_ASSIGN_OR_RETURN(const F32Tensor values, read_f32(input.tensors, tensor));
  for (const float factor : values.values) {
    if (std::isfinite(factor) && factor > 0) continue;
    return data_loss("tensor " + in_quotes(name) + " has a factor that is not positive");
  }
  return std::vector<float>(values.values.begin(), values.values.end());
}

/// What divides each frequency, as `short_factor` of longrope, which leaves everything else as it
/// is for a model whose context is the original one.
Status set_factors(const std::vector<float>& list, int64_t original, Json* rope) {
  rope->set("rope_type", "longrope");
  rope->set("short_factor", list);
  rope->set("original_max_position_embeddings", original);
  return {};
}

/// Phi-3: one list of factors up to the original context, another beyond it.
Status read_two_lists(const GgufInput& input, int64_t pairs, int64_t context, Json* rope) {
  const GgufFields& fields = input.fields;
  LW_ASSIGN_OR_RETURN(
      const int64_t original,
      fields.integer_or("rope.scaling.original_context_length", context, 1, INT32_MAX / 4));
  LW_ASSIGN_OR_RETURN(const auto list, factors(input, "rope_factors_short.weight", pairs));
  if (context > original || has_tensor(input, "rope_factors_long.weight")) {
    LW_ASSIGN_OR_RETURN(const auto beyond, factors(input, "rope_factors_long.weight", pairs));
    rope->set("long_factor", beyond);
  }
  LW_ASSIGN_OR_RETURN(const double scale,
                      fields.number_or("rope.scaling.attn_factor", 1, 1e-6, 1e6));
  rope->set("attention_factor", scale);
  return set_factors(list, original, rope);
}

Status read_yarn(const GgufInput& input, int64_t context, Json* rope) {
  const GgufFields& fields = input.fields;
  LW_ASSIGN_OR_RETURN(const double factor, fields.number("rope.scaling.factor", 1e-6, kMost));
  LW_ASSIGN_OR_RETURN(
      const int64_t original,
      fields.integer_or("rope.scaling.original_context_length", context, 1, INT32_MAX / 4));
  LW_ASSIGN_OR_RETURN(const double fast,
                      fields.number_or("rope.scaling.yarn_beta_fast", 32, 1e-6, kMost));
  LW_ASSIGN_OR_RETURN(const double slow,
                      fields.number_or("rope.scaling.yarn_beta_slow", 1, 1e-6, kMost));
  rope->set("rope_type", "yarn");
  rope->set("factor", factor);
  rope->set("original_max_position_embeddings", original);
  rope->set("beta_fast", fast);
  rope->set("beta_slow", slow);
  for (const char* name : {"rope.scaling.attn_factor", "rope.scaling.yarn_ext_factor",
                           "rope.scaling.yarn_attn_factor"}) {
    LW_ASSIGN_OR_RETURN(const double value, fields.number_or(name, 1, -kMost, kMost));
    if (value != 1) return fields.refused(name, "a factor other than 1");
  }
  return {};
}

Status read_scaling(const GgufInput& input, int64_t pairs, int64_t context, Json* rope) {
  const GgufFields& fields = input.fields;
  LW_ASSIGN_OR_RETURN(const std::string type, fields.text_or("rope.scaling.type", "none"));
  // llama.cpp only records it.
  LW_RETURN_IF_ERROR(fields.boolean_or("rope.scaling.finetuned", true).status());
  const bool has_list = has_tensor(input, "rope_freqs.weight");
  const bool has_two = has_tensor(input, "rope_factors_short.weight");
  // The name of linear scaling in files from before there were several.
  LW_ASSIGN_OR_RETURN(double linear, fields.number_or("rope.scale_linear", 1, 1e-6, kMost));
  if (type == "yarn" && !has_list && !has_two) return read_yarn(input, context, rope);
  if (type != "none" && type != "linear" && type != "longrope") {
    return fields.refused("rope.scaling.type", in_quotes(type));
  }
  if (has_two) return read_two_lists(input, pairs, context, rope);
  LW_ASSIGN_OR_RETURN(linear, fields.number_or("rope.scaling.factor", linear, 1e-6, kMost));
  const bool scales = type == "linear" || fields.has("rope.scale_linear");
  if (has_list) {
    if (scales && linear != 1) return fields.refused("rope.scaling.factor", "with 'rope_freqs'");
    LW_ASSIGN_OR_RETURN(const auto list, factors(input, "rope_freqs.weight", pairs));
    rope->set("factor", 1);
    return set_factors(list, context, rope);
  }
  if (type == "longrope") return fields.refused("rope.scaling.type", "'longrope' without factors");
  if (!scales || linear == 1) return {};
  rope->set("rope_type", "linear");
  rope->set("factor", linear);
  return {};
}

}  // namespace

Result<Json> gguf_rope(const GgufInput& input, int64_t head_dim, int64_t context, bool partial) {
  const GgufFields& fields = input.fields;
  LW_ASSIGN_OR_RETURN(const double base,
                      fields.number_or("rope.freq_base", kUsualBase, 1e-6, kMost));
  LW_ASSIGN_OR_RETURN(const int64_t turned,
                      fields.integer_or("rope.dimension_count", head_dim, 1, INT32_MAX));
  const bool fits = turned == head_dim || (partial && turned < head_dim);
  if (!fits || turned % 2 != 0) {
    return fields.wrong("rope.dimension_count",
                        (partial ? "an even number up to " : "the even size of a head, ") +
                            std::to_string(head_dim));
  }
  Json rope = Json::object({{"rope_type", "default"}, {"rope_theta", base}});
  if (turned != head_dim) rope.set("partial_rotary_factor", part_of(turned, head_dim));
  LW_RETURN_IF_ERROR(read_scaling(input, turned / 2, context, &rope));
  return rope;
}

}  // namespace lanewise::converters
