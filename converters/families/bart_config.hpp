#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "converters/families/family.hpp"
#include "converters/families/hf_config.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

enum class BartPositions {
  kLearned,  ///< a table whose first two rows are for padding
  kMarian,   ///< sinusoidal: sines, then cosines; stored in most checkpoints
  kM2M100,   ///< sinusoidal with other wavelengths, from row pad_token_id + 1 on; never stored
};

/// What tells BART and its relatives from each other.
struct BartKind {
  std::string_view model_type;
  BartPositions positions;
  bool norm_first;      ///< norms before the blocks instead of behind the sums
  bool embedding_norm;  ///< `layernorm_embedding`
  bool final_norm;      ///< `layer_norm` behind the last layer of each stack
  bool logits_bias;     ///< `final_logits_bias`, where the checkpoint has it
  bool may_split;       ///< each side may have a vocabulary of its own
  std::string_view task;
  // Of Transformers' config class, where config.json says nothing.
  int64_t vocabulary;
  std::string_view activation;
  bool scale_embedding;
  DefaultTokens tokens;
};

/// Null for a model_type that is none of them.
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

/// Fields that are absent have the values that Transformers gives them. kUnsupported names one
/// that asks for another model.
Result<BartConfig> read_bart_config(const FamilyInput& input);

}  // namespace lanewise::converters
