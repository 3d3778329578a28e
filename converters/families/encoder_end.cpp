#include "converters/families/encoder_end.hpp"

#include "base/status_macros.hpp"

namespace lanewise::converters {

Result<EncoderEnd> read_encoder_end(const FamilyInput& input, const FamilyHeads& heads,
                                    int64_t features) {
  EncoderEnd end;
  LW_ASSIGN_OR_RETURN(end.task, read_task_head(input, heads));
  if (end.task) return end;
  LW_ASSIGN_OR_RETURN(end.sentence, read_sentence_head(input, features));
  return end;
}

void append_encoder_end(graph::Builder& builder, const EncoderEnd& end,
                        const EncoderVectors& vectors, const Checkpoint& checkpoint,
                        std::vector<ExpectedTensor>& expected) {
  if (end.task) {
    append_task_head(builder, *end.task, vectors, checkpoint, expected);
  } else {
    append_sentence_head(builder, vectors.tokens, end.sentence);
  }
}

Status describe_encoder_end(const FamilyInput& input, const EncoderEnd& end, FamilyModel& model) {
  return end.task ? describe_task(input, *end.task, model)
                  : describe_encoder(input, end.sentence, model);
}

}  // namespace lanewise::converters
