#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "lanewise/export.hpp"
#include "lanewise/model.hpp"
#include "lanewise/status.hpp"
#include "lanewise/tensor.hpp"
#include "lanewise/tokenizer.hpp"

/// What Generator::generate() takes, made one source at a time, so that a program can report or
/// skip a source that the model cannot take; generate() itself fails for all of them.

namespace lanewise {

/// What becomes of a source with more tokens than the model takes.
enum class TooLong {
  kRefuse,    ///< an error: half a sentence has another translation
  kTruncate,  ///< the rest is left out; special tokens around a text stay
};

/// A source that the model can take.
struct Source {
  std::vector<int32_t> ids;
  bool truncated = false;
};

/// The ids of `text`, special tokens included.
///
/// tokenizer  that of the model, Tokenizer::of() or its for_language()
/// info       of the model
/// Fails with kInvalidArgument for a text that is not UTF-8, has no tokens, has more than
/// ModelInfo::max_tokens (TooLong::kRefuse), or has one that the model does not know. Thread-safe.
LANEWISE_EXPORT Result<Source> source_of_text(const Tokenizer& tokenizer, std::string_view text,
                                              const ModelInfo& info,
                                              TooLong too_long = TooLong::kRefuse);

/// The same checks for ids that somebody else made. TooLong::kTruncate cuts them at the end.
LANEWISE_EXPORT Result<Source> source_of_ids(std::vector<int32_t> ids, const ModelInfo& info,
                                             TooLong too_long = TooLong::kRefuse);

/// The rows of `input_ids` [B, T], i32 or i64, without the padding that the optional
/// `attention_mask` [B, T] marks with zeros at the ends of a row. The ids are not checked.
///
/// Fails with kInvalidArgument, naming the tensor, for one that is missing, has another type or
/// shape, an id that int32_t cannot hold, a row without a token or with a hole in its mask.
/// Thread-safe.
LANEWISE_EXPORT Result<std::vector<std::vector<int32_t>>> sources_of_tensors(
    const TensorMap& inputs);

}  // namespace lanewise
