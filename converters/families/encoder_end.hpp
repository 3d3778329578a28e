#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "converters/families/family.hpp"
#include "converters/families/sentence_head.hpp"
#include "converters/families/task_head.hpp"
#include "lanewise/status.hpp"
#include "runtime/graph/builder.hpp"

namespace lanewise::converters {

/// What follows an encoder: the head of a task, or else the vector of a text.
struct EncoderEnd {
  std::optional<TaskHead> task;
  SentenceHead sentence;

  /// Whether it needs the family's own pooling.
  bool reads_pooler() const { return task && task->its_class.input == HeadInput::kPooler; }
};

/// features  of a token
/// Fails as read_task_head() and read_sentence_head() do.
Result<EncoderEnd> read_encoder_end(const FamilyInput& input, const FamilyHeads& heads,
                                    int64_t features);

/// Appends it and makes it the outputs of the graph; adds its tensors to `expected`.
void append_encoder_end(graph::Builder& builder, const EncoderEnd& end,
                        const EncoderVectors& vectors, const Checkpoint& checkpoint,
                        std::vector<ExpectedTensor>& expected);

/// Describes task and texts in `model`, whose info.max_tokens is set. Fails as describe_task() and
/// describe_encoder() do.
Status describe_encoder_end(const FamilyInput& input, const EncoderEnd& end, FamilyModel& model);

}  // namespace lanewise::converters
