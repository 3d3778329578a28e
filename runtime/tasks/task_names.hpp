#pragma once

#include <string_view>

namespace lanewise::tasks {

// Values of ModelInfo::task for models with a head: the names of Transformers' pipelines.
inline constexpr std::string_view kTextClassification = "text-classification";
inline constexpr std::string_view kTokenClassification = "token-classification";
inline constexpr std::string_view kQuestionAnswering = "question-answering";
inline constexpr std::string_view kFillMask = "fill-mask";
inline constexpr std::string_view kLateInteraction = "late-interaction";

// Outputs of heads.
inline constexpr std::string_view kLogits = "logits";
inline constexpr std::string_view kStartLogits = "start_logits";
inline constexpr std::string_view kEndLogits = "end_logits";
/// Of each token of the vocabulary, the largest of a text's logits.
inline constexpr std::string_view kMaxLogits = "max_logits";

// Outputs of encoders.
inline constexpr std::string_view kLastHiddenState = "last_hidden_state";
/// What tokens are compared by, which is not the hidden state.
inline constexpr std::string_view kTokenEmbeddings = "token_embeddings";
/// The vector of a text.
inline constexpr std::string_view kSentenceEmbedding = "sentence_embedding";
/// The weight of each token in a sparse embedding if it is above 0.
inline constexpr std::string_view kTokenWeights = "token_weights";

/// Of late-interaction models: texts are queries. Without it, or with any other, they are documents.
inline constexpr std::string_view kQueryPrompt = "query";

}  // namespace lanewise::tasks
