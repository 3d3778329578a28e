#include "converters/families/encoder_config.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <vector>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/families/activation_names.hpp"
#include "converters/families/hf_config.hpp"

namespace lanewise::converters {
namespace {

constexpr EncoderFields kCommon;

constexpr std::array kUsual = std::to_array<std::string_view>(
    {"add_cross_attention", "attention_probs_dropout_prob", "auto_map", "hidden_act",
     "hidden_dropout_prob", "hidden_size", "initializer_range", "intermediate_size",
     "layer_norm_eps", "max_position_embeddings", "num_attention_heads", "num_hidden_layers",
     "position_embedding_type", "pruned_heads", "tie_word_embeddings", "type_vocab_size",
     "vocab_size"});

Status read_size(const Config& config, const char* field, const char* common, int64_t least,
                 int64_t most, int64_t& size) {
  if (field == nullptr) return {};
  LW_ASSIGN_OR_RETURN(size, integer_or_alias(config, field, common, size, least, most));
  return {};
}

/// `pruned_heads` lists, by layer, heads that were removed with their rows and columns.
Status read_layer_heads(const Config& config, EncoderSizes& c) {
  c.layer_heads.assign(static_cast<size_t>(c.layers), c.heads);
  const auto last = static_cast<int32_t>(c.heads - 1);
  LW_ASSIGN_OR_RETURN(const auto pruned, config.integer_map("pruned_heads", 0, last));
  for (const auto& [name, heads] : pruned) {
    int64_t layer = -1;
    const char* end = name.data() + name.size();
    const auto parsed = std::from_chars(name.data(), end, layer);
    const bool known =
        parsed.ec == std::errc() && parsed.ptr == end && layer >= 0 && layer < c.layers;
    if (!known) return config.wrong("pruned_heads", "an object of layers and their heads");
    const std::set<int32_t> distinct(heads.begin(), heads.end());
    int64_t& left = c.layer_heads[static_cast<size_t>(layer)];
    left -= static_cast<int64_t>(distinct.size());
    if (left > 0) continue;
    return unsupported(config.label() + ": 'pruned_heads' leaves no head in layer " + name);
  }
  return {};
}

}  // namespace

Result<EncoderSizes> read_encoder_sizes(const Config& config, const EncoderSizes& defaults,
                                        const EncoderFields& fields) {
  EncoderSizes c = defaults;
  LW_ASSIGN_OR_RETURN(c.vocabulary, config.integer("vocab_size", c.vocabulary, 1, kMaxEncoderRows));
  LW_RETURN_IF_ERROR(
      read_size(config, fields.hidden, kCommon.hidden, 1, kMaxEncoderFeatures, c.hidden));
  LW_RETURN_IF_ERROR(
      read_size(config, fields.layers, kCommon.layers, 1, kMaxEncoderLayers, c.layers));
  LW_RETURN_IF_ERROR(
      read_size(config, fields.heads, kCommon.heads, 1, kMaxEncoderFeatures, c.heads));
  LW_RETURN_IF_ERROR(read_size(config, fields.intermediate, kCommon.intermediate, 1,
                               kMaxEncoderFeatures, c.intermediate));
  LW_RETURN_IF_ERROR(
      read_size(config, fields.positions, kCommon.positions, 1, kMaxEncoderRows, c.positions));
  LW_RETURN_IF_ERROR(read_size(config, fields.token_types, kCommon.token_types, 0, kMaxEncoderRows,
                               c.token_types));
  if (fields.eps != nullptr) {
    LW_ASSIGN_OR_RETURN(c.eps, config.number(fields.eps, c.eps, 0, 1));
  }
  if (fields.activation != nullptr) {
    LW_ASSIGN_OR_RETURN(c.activation, activation_name(config, fields.activation, c.activation));
  }
  if (c.hidden % c.heads != 0) {
    return invalid_argument(config.label() + ": '" + fields.hidden + "' " +
                            std::to_string(c.hidden) + " is not a multiple of '" + fields.heads +
                            "' " + std::to_string(c.heads));
  }
  LW_RETURN_IF_ERROR(read_layer_heads(config, c));
  return c;
}

Status check_is_encoder(const Config& config, std::string_view model_type, std::string_view known) {
  LW_RETURN_IF_ERROR(check_text(config, "position_embedding_type", known));
  for (const char* field : {"is_decoder", "add_cross_attention"}) {
    LW_ASSIGN_OR_RETURN(const bool on, config.boolean(field, false));
    if (!on) continue;
    return unsupported(config.label() + ": " + field + " is not supported for " +
                       std::string(model_type));
  }
  return {};
}

Status check_not_pruned(const Config& config, const EncoderSizes& sizes) {
  const bool whole =
      std::ranges::all_of(sizes.layer_heads, [&](int64_t heads) { return heads == sizes.heads; });
  return whole ? Status() : unsupported(config.label() + ": 'pruned_heads' is not supported here");
}

Status check_text(const Config& config, const std::string& field, std::string_view known) {
  LW_ASSIGN_OR_RETURN(const std::string value, config.text(field, known));
  if (value == known) return {};
  return unsupported(config.label() + ": " + field + " " + base::in_quotes(value) +
                     " is not supported; known: " + std::string(known));
}

void report_unknown_encoder_fields(const FamilyInput& input,
                                   std::span<const std::string_view> more) {
  std::vector<std::string_view> known(kUsual.begin(), kUsual.end());
  known.insert(known.end(), more.begin(), more.end());
  report_unknown_hf_fields(input, known);
}

}  // namespace lanewise::converters
