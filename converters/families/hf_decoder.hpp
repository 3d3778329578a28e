#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "converters/families/family.hpp"
#include "converters/families/hf_config.hpp"
#include "lanewise/status.hpp"
#include "runtime/graph/builder.hpp"

namespace lanewise::converters {

/// Common parts of Transformers' models that are a decoder alone.

/// What a folder has of such a model, or the user wants.
enum class DecoderForm {
  kLogits,         ///< with the head that generates
  kTokens,         ///< the vectors of tokens
  kTokensAndText,  ///< and the one of the text, by the modules of sentence-transformers
};

/// Decides by the files of sentence-transformers and by `architectures`; without either, the model
/// generates. `classes` begins the names of the model's classes: "Llama" of LlamaForCausalLM.
/// Fails as check_head() does.
Result<DecoderForm> decoder_form(const FamilyInput& input, std::string_view classes,
                                 const std::string& outside);

/// The weights of the embedding and of the head that generates: names of tensors.
struct DecoderTables {
  std::string embedding;
  std::string head;
};

/// Where the file has them, which may store tied ones under either name. Adds to `leftovers` the
/// names that nothing reads then. Fails as TiedTensors::of() does.
Result<DecoderTables> find_decoder_tables(const FamilyInput& input, DecoderForm form, bool tied,
                                          DecoderTables usual, std::vector<std::string>& leftovers);

/// PREFIX.<number>.NAME of every layer and name: what older checkpoints store beside the weights.
std::vector<std::string> layer_leftovers(const std::string& prefix, int64_t layers,
                                         std::initializer_list<std::string_view> names);

/// The frequencies of rotary positions, which older versions stored with each layer's `attention`, and
/// later ones once for the model. `prefix` is what the model's names begin with.
std::vector<std::string> rotary_leftovers(const std::string& prefix, int64_t layers,
                                          std::string_view attention);

struct DecoderInfo {
  std::string_view model_type;
  int64_t vocabulary = 0;
  int64_t max_tokens = 0;
  DefaultTokens tokens;
};

/// Completes a decoder whose graph has its logits already, if it has any: outputs `x`, the vectors
/// of tokens, otherwise; takes the graph; sets the info, generation defaults and tokenizers.
Status finish_decoder(const FamilyInput& input, DecoderForm form, graph::Builder& builder,
                      graph::ValueId x, const DecoderInfo& decoder, FamilyModel& model);

}  // namespace lanewise::converters
