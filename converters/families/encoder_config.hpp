#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "converters/config.hpp"
#include "converters/families/family.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// The sizes of an encoder. As defaults they are those of Transformers' config class, and
/// `activation` is Transformers' name; after reading it is the operator's.
struct EncoderSizes {
  int64_t vocabulary = 30522;
  int64_t hidden = 768;
  int64_t layers = 12;
  int64_t heads = 12;
  int64_t intermediate = 3072;  ///< features inside the feed-forward layers
  int64_t positions = 512;      ///< rows of a position table, or the longest sequence
  int64_t token_types = 2;      ///< 0: none
  double eps = 1e-12;
  std::string activation = "gelu";
  /// Of each layer, fewer than `heads` if some were pruned (`pruned_heads`). Read, never a default.
  std::vector<int64_t> layer_heads{};

  int64_t head_dim() const { return hidden / heads; }
};

/// How a config spells them. Transformers' common names, which are the defaults here, count too if
/// the model's own is absent. A field that is null is not read.
struct EncoderFields {
  const char* hidden = "hidden_size";
  const char* layers = "num_hidden_layers";
  const char* heads = "num_attention_heads";
  const char* intermediate = "intermediate_size";
  const char* positions = "max_position_embeddings";
  const char* token_types = "type_vocab_size";
  const char* eps = "layer_norm_eps";
  const char* activation = "hidden_act";
};

// Limits that no encoder exceeds, small enough that a graph can be written before the shapes are
// compared with the file.
inline constexpr int64_t kMaxEncoderLayers = 4096;
inline constexpr int64_t kMaxEncoderFeatures = 1 << 20;
inline constexpr int64_t kMaxEncoderRows = INT32_MAX;  // Token ids are int32.

/// Fails with kInvalidArgument, naming the field, for a value that no encoder can have, and if
/// `hidden` is not a multiple of `heads`; with kUnsupported for an unknown activation.
Result<EncoderSizes> read_encoder_sizes(const Config& config, const EncoderSizes& defaults = {},
                                        const EncoderFields& fields = {});

/// kUnsupported for a decoder, cross attention, and for a `position_embedding_type` other than
/// `known`, which is what an absent one means.
Status check_is_encoder(const Config& config, std::string_view model_type,
                        std::string_view known = "absolute");

/// kUnsupported if heads were pruned, for models whose projections are packed.
Status check_not_pruned(const Config& config, const EncoderSizes& sizes);

/// kUnsupported for a field of text that is neither absent nor `known`.
Status check_text(const Config& config, const std::string& field, std::string_view known);

/// Reports each field that is neither in `more`, nor one of an encoder's usual ones, nor harmless.
void report_unknown_encoder_fields(const FamilyInput& input,
                                   std::span<const std::string_view> more = {});

}  // namespace lanewise::converters
