#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "converters/families/family.hpp"
#include "converters/families/hf_config.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// The rows of a learned table of positions that are for padding.
inline constexpr int64_t kLearnedOffset = 2;

enum class BartPositions {
  kLearned,  ///< a table whose first two rows are for padding
  kMarian,   ///< sinusoidal: sines, then cosines; stored in most checkpoints
  kM2M100,   ///< sinusoidal with different wavelengths, from row pad_token_id + 1; never stored
};

/// The differences between BART and its relatives.
struct BartKind {
  std::string_view model_type;
  BartPositions positions;
  bool norm_first;      ///< norms before the blocks instead of after the sums
  bool embedding_norm;  ///< `layernorm_embedding`
  bool final_norm;      ///< `layer_norm` after the last layer of each stack
  bool logits_bias;     ///< `final_logits_bias`, if the checkpoint has it
  bool may_split;       ///< each side may have its own vocabulary
  std::string_view task;
  // Defaults of Transformers' config class.
  int64_t vocabulary;
  std::string_view activation;
  bool scale_embedding;
  DefaultTokens tokens;
};

/// Returns null if the model_type is none of them.
const BartKind* find_bart_kind(std::string_view model_type);

struct BartStack {
  std::string name;  ///< encoder, decoder
  int64_t layers = 0;
  int64_t heads = 0;
  int64_t hidden = 0;      ///< of the feed-forward layers
  int64_t vocabulary = 0;  ///< rows of its embedding
};

struct BartConfig {
  const BartKind* kind = nullptr;
  int64_t width = 0;
  int64_t positions = 0;
  int64_t pad_token = 0;
  BartStack encoder{.name = "encoder"};
  BartStack decoder{.name = "decoder"};
  std::string activation;
  bool scale_embedding = false;
  bool shared_embedding = true;  ///< one for both stacks
  bool tied_head = true;
};

/// Absent fields have Transformers' defaults. Fails with kUnsupported, naming the field, if one
/// describes a different model.
Result<BartConfig> read_bart_config(const FamilyInput& input);

}  // namespace lanewise::converters
