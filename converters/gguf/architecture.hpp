#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_tree.hpp"
#include "converters/formats/checkpoint.hpp"
#include "converters/gguf/fields.hpp"
#include "converters/gguf/rearranged_checkpoint.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// What a GGUF says about its model.
struct GgufInput {
  const GgufFields& fields;  ///< `llama.` and the like
  const Checkpoint& tensors;
};

/// A module's name in GGUF and in Transformers, both without `.weight` and `.bias`, and without
/// the number of the layer before it.
struct GgufModule {
  std::string_view gguf;
  std::string_view module;
  Rearrangement weight = Rearrangement::kNone;
  Rearrangement bias = Rearrangement::kNone;
};

/// A `general.architecture`.
struct GgufArchitecture {
  std::string_view name;
  std::span<const GgufModule> outside;           ///< of the layers
  std::span<const GgufModule> inside;            ///< `attn_q` of `blk.0.attn_q.weight`
  std::string_view layers;                       ///< `model.layers.`, before the number
  std::span<const std::string_view> read_early;  ///< tensors that `config` reads
  /// The config.json of the same model in Transformers.
  Result<base::JsonTree> (*config)(const GgufInput& input);
  bool has_experts = false;  ///< of two of the same name, the mixture of experts
};

std::span<const GgufArchitecture> gguf_decoders();  ///< relatives of LLaMA
std::span<const GgufArchitecture> gguf_classics();  ///< GPT-2, GPT-NeoX, BERT

/// Returns null if it is none of them. `has_experts` decides between two of the same name.
const GgufArchitecture* find_gguf_architecture(std::string_view name, bool has_experts);

/// Lists all tensors under Transformers' names. Fails with kUnsupported for a tensor that the
/// architecture does not have, which might change what the model computes.
Result<std::vector<RearrangedTensor>> name_tensors(const GgufArchitecture& architecture,
                                                   const GgufInput& input);

/// The file's name for what Transformers calls `name`; `name` itself if there is none.
std::string gguf_name(const GgufArchitecture& architecture, const std::string& name);

/// Sizes that every architecture has. The number of layers is limited, so that memory can be
/// allocated for each.
struct GgufSizes {
  int64_t vocabulary = 0;  ///< rows of the embedding
  int64_t layers = 0;
  int64_t width = 0;
  int64_t hidden = 0;
  int64_t heads = 0;
  int64_t context = 0;
};
Result<GgufSizes> read_gguf_sizes(const GgufInput& input);

/// Whether any of the tensors `names` is there.
bool has_tensor(const GgufInput& input, std::string_view name);

}  // namespace lanewise::converters
