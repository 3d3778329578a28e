#include "converters/families/hf_heads.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "base/messages.hpp"
#include "base/status_macros.hpp"

namespace lanewise::converters {
namespace {

/// Transformers' class names: BertForMaskedLM, BertLMHeadModel, T5EncoderModel, ...
bool names_another_model(std::string_view architecture) {
  constexpr std::array kParts = std::to_array<std::string_view>(
      {"Classifier", "DoubleHead", "EncoderModel", "For", "LMHead", "Reranker"});
  return std::ranges::any_of(kParts, [&](std::string_view part) {
    return architecture.find(part) != std::string_view::npos;
  });
}

/// An encoder-decoder with the language-model head that a graph has.
bool generates(std::string_view architecture) {
  return architecture.ends_with("ForConditionalGeneration");
}

/// A tensor of a head, or null.
const CheckpointTensor* find_head(const Checkpoint& checkpoint,
                                  std::span<const std::string_view> beginnings,
                                  const std::string& outside) {
  for (const CheckpointTensor& tensor : checkpoint.tensors()) {
    for (const std::string_view begin : beginnings) {
      std::string_view name = tensor.name;
      if (name.starts_with(begin)) return &tensor;
      if (!name.starts_with(outside)) continue;
      name.remove_prefix(outside.size());
      if (name.starts_with(begin)) return &tensor;
    }
  }
  return nullptr;
}

Status refused(const FamilyInput& input, const std::string& what) {
  const std::string hint = input.family->has_encoder_form
                               ? "; use 'encoder' (--as encoder) to convert the encoder alone"
                               : "";
  return unsupported(input.config.label() + ": " + what + hint);
}

}  // namespace

Status check_head(const FamilyInput& input, const HeadClasses& classes,
                  const std::string& outside) {
  if (input.encoder_alone) return {};
  LW_ASSIGN_OR_RETURN(const std::vector<std::string> architectures,
                      input.config.texts("architectures"));
  const CheckpointTensor* head = find_head(input.checkpoint, classes.tensors, outside);
  const std::string named = head == nullptr ? "" : " (tensor " + base::in_quotes(head->name) + ")";
  bool known = false;
  for (const std::string& architecture : architectures) {
    if (generates(architecture) ||
        std::ranges::find(classes.without, architecture) != classes.without.end()) {
      known = true;
    } else if (names_another_model(architecture)) {
      return refused(input, "architecture " + base::in_quotes(architecture) + ": its head" + named +
                                " is not supported");
    }
  }
  if (known || head == nullptr) return {};
  return refused(input, "the checkpoint's head" + named + " is not supported");
}

}  // namespace lanewise::converters
