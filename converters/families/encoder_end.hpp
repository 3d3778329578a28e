#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "converters/families/family.hpp"
#include "converters/families/sentence_head.hpp"
#include "converters/families/task_head.hpp"
#include "converters/families/token_head.hpp"
#include "lanewise/status.hpp"
#include "runtime/graph/builder.hpp"

namespace lanewise::converters {

/// What follows an encoder: the head of a task, or else the vector of a text, vectors of tokens, or
/// both.
struct EncoderEnd {
  std::optional<TaskHead> task;
  SentenceHead sentence;
  std::optional<TokenHead> tokens;

  /// Whether it needs the family's own pooling.
  bool reads_pooler() const { return task && task->its_class.input == HeadInput::kPooler; }
};

/// features    of a token
/// max_tokens  of a text
/// states      EncoderVectors::states
/// Fails as read_task_head(), read_sentence_head(), read_late_head() and read_token_linears() do.
Result<EncoderEnd> read_encoder_end(const FamilyInput& input, const FamilyHeads& heads,
                                    int64_t features, int64_t max_tokens, size_t states);

/// Appends it and makes it the outputs of the graph; adds its tensors to `expected`.
void append_encoder_end(graph::Builder& builder, const EncoderEnd& end,
                        const EncoderVectors& vectors, const Checkpoint& checkpoint,
                        std::vector<ExpectedTensor>& expected);

/// Describes task and texts in `model`, which has its info.max_tokens and its tokenizer. Fails as
/// describe_task(), describe_encoder() and describe_token_head() do.
Status describe_encoder_end(const FamilyInput& input, const EncoderEnd& end, FamilyModel& model);

}  // namespace lanewise::converters
