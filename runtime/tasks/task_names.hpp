#pragma once

#include <string_view>

namespace lanewise::tasks {

// Values of ModelInfo::task for models with a head: the names of Transformers' pipelines.
inline constexpr std::string_view kTextClassification = "text-classification";
inline constexpr std::string_view kTokenClassification = "token-classification";
inline constexpr std::string_view kQuestionAnswering = "question-answering";
inline constexpr std::string_view kFillMask = "fill-mask";

// Outputs of heads.
inline constexpr std::string_view kLogits = "logits";
inline constexpr std::string_view kStartLogits = "start_logits";
inline constexpr std::string_view kEndLogits = "end_logits";
/// Of each token of the vocabulary, the largest of a text's logits.
inline constexpr std::string_view kMaxLogits = "max_logits";

}  // namespace lanewise::tasks
