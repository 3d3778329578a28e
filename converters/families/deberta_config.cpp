#include "converters/families/deberta_config.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/status_macros.hpp"
#include "converters/families/activation_names.hpp"

namespace lanewise::converters {
namespace {

// The operator's limit, and of the buckets too.
constexpr int64_t kDebertaMaxDistance = 1 << 20;
constexpr int64_t kDebertaLargestKernel = 255;

/// A list, or names with a bar between them.
Result<std::vector<std::string>> names_in(const Config& config, const std::string& field) {
  const Result<std::string> text = config.text(field, "");
  if (!text.ok()) return config.texts(field);
  std::vector<std::string> names;
  if (!config.has(field)) return names;
  std::string name;
  for (const char letter : *text + "|") {
    if (letter == '|') names.push_back(std::exchange(name, ""));
    if (letter != '|' && letter != ' ') name += letter;
  }
  return names;
}

bool contains_name(const std::vector<std::string>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

Status read_position_kinds(const Config& config, DebertaConfig& c) {
  LW_ASSIGN_OR_RETURN(const std::vector<std::string> kinds, names_in(config, "pos_att_type"));
  LW_ASSIGN_OR_RETURN(const bool relative, config.boolean("relative_attention", false));
  c.content_to_position = contains_name(kinds, "c2p");
  c.position_to_content = contains_name(kinds, "p2c");
  // The first version counts all that are named, whatever they are.
  c.terms = c.is_first ? 1 + std::ssize(kinds)
                       : 1 + (c.content_to_position ? 1 : 0) + (c.position_to_content ? 1 : 0);
  if (relative || !c.is_relative()) return {};
  return unsupported(config.label() +
                     ": 'pos_att_type' without 'relative_attention' is not supported");
}

/// What relative positions of versions 2 and 3 have besides.
Status read_deberta_buckets(const Config& config, DebertaConfig& c) {
  LW_ASSIGN_OR_RETURN(const std::vector<std::string> norms, names_in(config, "norm_rel_ebd"));
  c.normalizes_positions = contains_name(norms, "layer_norm");
  LW_ASSIGN_OR_RETURN(c.shares_projections, config.boolean("share_att_key", false));
  LW_ASSIGN_OR_RETURN(c.buckets, config.integer("position_buckets", -1, -1, kDebertaMaxDistance));
  if (c.buckets < 1) c.buckets = 0;
  if (c.buckets == 1 || (c.buckets > 0 && c.max_distance - 1 <= c.buckets / 2)) {
    return config.wrong("position_buckets", "0, or 2 to less than twice the largest distance");
  }
  return {};
}

Status read_deberta_positions(const Config& config, DebertaConfig& c) {
  LW_ASSIGN_OR_RETURN(c.absolute_positions, config.boolean("position_biased_input", true));
  LW_RETURN_IF_ERROR(read_position_kinds(config, c));
  LW_ASSIGN_OR_RETURN(c.max_distance,
                      config.integer("max_relative_positions", -1, -1, kDebertaMaxDistance));
  if (c.max_distance < 1) c.max_distance = std::min(c.sizes.positions, kDebertaMaxDistance);
  return c.is_first ? Status() : read_deberta_buckets(config, c);
}

/// An even kernel would shorten the text.
Status read_convolution(const Config& config, DebertaConfig& c) {
  const std::string field = "conv_kernel_size";
  LW_ASSIGN_OR_RETURN(c.kernel, config.integer(field, 0, 0, kDebertaLargestKernel));
  if (c.kernel == 0) return {};
  if (c.kernel % 2 == 0) return config.wrong(field, "0 or an odd number");
  LW_ASSIGN_OR_RETURN(c.kernel_activation, activation_name(config, "conv_act", "tanh"));
  return {};
}

Status check_fixed_sizes(const Config& config, const DebertaConfig& c) {
  for (const auto& [field, only] :
       {std::pair("attention_head_size", c.sizes.head_dim()),
        std::pair("pooler_hidden_size", c.sizes.hidden), std::pair("conv_groups", int64_t{1})}) {
    LW_ASSIGN_OR_RETURN(const int64_t value, config.integer(field, only, 0, INT32_MAX));
    if (value == only) continue;
    return unsupported(config.label() + ": " + field + " " + std::to_string(value) +
                       " is not supported; known: " + std::to_string(only));
  }
  LW_ASSIGN_OR_RETURN(const bool talking, config.boolean("talking_head", false));
  if (!talking) return {};
  return unsupported(config.label() + ": talking_head is not supported");
}

EncoderSizes default_sizes(bool is_first) {
  EncoderSizes sizes;
  sizes.token_types = 0;
  sizes.eps = 1e-7;
  sizes.vocabulary = 50265;
  if (is_first) return sizes;
  sizes.vocabulary = 128100;
  sizes.hidden = 1536;
  sizes.layers = 24;
  sizes.heads = 24;
  sizes.intermediate = 6144;
  return sizes;
}

}  // namespace

Result<DebertaConfig> read_deberta_config(const Config& config, bool is_first) {
  DebertaConfig c;
  c.is_first = is_first;
  LW_ASSIGN_OR_RETURN(c.sizes, read_encoder_sizes(config, default_sizes(is_first)));
  LW_RETURN_IF_ERROR(check_not_pruned(config, c.sizes));
  LW_ASSIGN_OR_RETURN(c.embedding,
                      config.integer("embedding_size", c.sizes.hidden, 1, kMaxEncoderFeatures));
  LW_RETURN_IF_ERROR(read_deberta_positions(config, c));
  LW_ASSIGN_OR_RETURN(c.pooler_activation, activation_name(config, "pooler_hidden_act", "gelu"));
  if (!is_first) LW_RETURN_IF_ERROR(read_convolution(config, c));
  LW_RETURN_IF_ERROR(check_fixed_sizes(config, c));
  return c;
}

}  // namespace lanewise::converters
