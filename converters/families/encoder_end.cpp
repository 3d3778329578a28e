#include "converters/families/encoder_end.hpp"

#include "base/status_macros.hpp"

namespace lanewise::converters {

Result<EncoderEnd> read_encoder_end(const FamilyInput& input, const FamilyHeads& heads,
                                    int64_t features, int64_t max_tokens, size_t states) {
  EncoderEnd end;
  LW_ASSIGN_OR_RETURN(const bool is_late, is_late_interaction(input));
  if (is_late && !input.encoder_alone) {
    LW_ASSIGN_OR_RETURN(end.tokens, read_late_head(input, heads.outside, features, max_tokens));
    return end;
  }
  LW_ASSIGN_OR_RETURN(end.task, read_task_head(input, heads));
  if (end.task) return end;
  LW_ASSIGN_OR_RETURN(end.sentence, read_sentence_head(input, features, states));
  if (!has_token_linears(input) || input.encoder_alone) return end;
  LW_ASSIGN_OR_RETURN(end.tokens, read_token_linears(input, features));
  return end;
}

void append_encoder_end(graph::Builder& builder, const EncoderEnd& end,
                        const EncoderVectors& vectors, const Checkpoint& checkpoint,
                        std::vector<ExpectedTensor>& expected) {
  if (end.task) return append_task_head(builder, *end.task, vectors, checkpoint, expected);
  append_sentence_head(builder, vectors, end.sentence);
  if (end.tokens) append_token_head(builder, vectors.tokens, *end.tokens, expected);
}

Status describe_encoder_end(const FamilyInput& input, const EncoderEnd& end, FamilyModel& model) {
  if (end.task) return describe_task(input, *end.task, model);
  const bool is_late = end.tokens && end.tokens->late;
  if (!is_late) LW_RETURN_IF_ERROR(describe_encoder(input, end.sentence, model));
  return end.tokens ? describe_token_head(input, *end.tokens, model) : Status();
}

}  // namespace lanewise::converters
