#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "lanewise/export.hpp"
#include "lanewise/model.hpp"
#include "lanewise/status.hpp"
#include "lanewise/tensor.hpp"
#include "lanewise/tokenizer.hpp"

/// Makes and checks the sources of Generator::generate() one at a time, so that a program can
/// report or skip a source that the model cannot accept; generate() itself fails for the whole
/// call.

namespace lanewise {

/// What to do with a source that has more tokens than the model accepts.
enum class TooLong {
  kRefuse,    ///< fail, because half a sentence has a different translation
  kTruncate,  ///< omit the rest, but keep the special tokens around a text
};

/// A source that the model accepts.
struct Source {
  std::vector<int32_t> ids;
  bool truncated = false;
};

/// Returns the ids of `text`, including special tokens.
///
/// tokenizer  that of the model, Tokenizer::of() or its for_language()
/// info       of the model
/// Fails with kInvalidArgument for a text that is not UTF-8, has no tokens, has more than
/// ModelInfo::max_tokens (TooLong::kRefuse), or has one that the model does not know. Thread-safe.
LANEWISE_EXPORT Result<Source> source_of_text(const Tokenizer& tokenizer, std::string_view text,
                                              const ModelInfo& info,
                                              TooLong too_long = TooLong::kRefuse);

/// Checks ids from elsewhere in the same way. TooLong::kTruncate truncates them at the end.
LANEWISE_EXPORT Result<Source> source_of_ids(std::vector<int32_t> ids, const ModelInfo& info,
                                             TooLong too_long = TooLong::kRefuse);

/// Returns the rows of `input_ids` [B, T], i32 or i64, without the padding that the optional
/// `attention_mask` [B, T] marks with zeros at the ends of a row. Does not check the ids against
/// the model.
///
/// Fails with kInvalidArgument, naming the tensor, if a tensor is missing or has the wrong type or
/// shape; if an id does not fit in int32_t; if a row has no token, or a zero between ones in its
/// mask. Thread-safe.
LANEWISE_EXPORT Result<std::vector<std::vector<int32_t>>> sources_of_tensors(
    const TensorMap& inputs);

}  // namespace lanewise
