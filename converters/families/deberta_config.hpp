#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "converters/config.hpp"
#include "converters/families/encoder_config.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// Fields of Transformers' DebertaConfig and DebertaV2Config besides those of every encoder.
inline constexpr std::array kDebertaFields =
    std::to_array<std::string_view>({"attention_head_size",
                                     "cls_dropout",
                                     "conv_act",
                                     "conv_groups",
                                     "conv_kernel_size",
                                     "embedding_size",
                                     "legacy",
                                     "max_relative_positions",
                                     "norm_rel_ebd",
                                     "padding_idx",
                                     "pooler_dropout",
                                     "pooler_hidden_act",
                                     "pooler_hidden_size",
                                     "pos_att_type",
                                     "position_biased_input",
                                     "position_buckets",
                                     "relative_attention",
                                     "share_att_key",
                                     "summary_activation",
                                     "summary_last_dropout",
                                     "summary_type",
                                     "summary_use_proj",
                                     "talking_head"});

struct DebertaConfig {
  EncoderSizes sizes;
  bool is_first = false;  ///< DeBERTa itself, whose projections differ from those of 2 and 3
  int64_t embedding = 0;
  bool absolute_positions = true;  ///< a table of them beside the relative ones
  bool shares_projections = false;
  bool content_to_position = false;
  bool position_to_content = false;
  bool normalizes_positions = false;
  int64_t terms = 1;  ///< of the scores, which share one scale
  int64_t max_distance = 0;
  int64_t buckets = 0;  ///< 0: none
  int64_t kernel = 0;   ///< of the convolution beside the first layer; 0: there is none
  std::string kernel_activation;
  std::string pooler_activation;

  bool is_relative() const { return content_to_position || position_to_content; }
  /// Of the table of positions.
  int64_t position_rows() const { return 2 * (buckets > 0 ? buckets : max_distance); }
};

/// Reads config.json of DeBERTa (`model_type` deberta) or its versions 2 and 3 (deberta-v2). Fails
/// with kUnsupported, naming the field, for what no published model has.
Result<DebertaConfig> read_deberta_config(const Config& config, bool is_first);

}  // namespace lanewise::converters
