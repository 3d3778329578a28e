#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/attention/attention_maps.hpp"

namespace lanewise::attention {

/// A longer text makes maps that nobody can read any more.
inline constexpr int64_t kMostTextTokens = 512;

/// Every attention of a model for one text, and the tokens that it is between.
struct TextAttention {
  std::vector<std::string> source;  ///< tokens of the text, as the tokenizer names them
  std::vector<std::string> target;  ///< tokens that the decoder was given; empty without encoder
  std::string written;              ///< the target as a text
  std::vector<AttentionMap> maps;
};

/// Computes the weights of every attention of `model` for `text`.
///
/// target  what the decoder of an encoder-decoder is to write; by default what it writes by greedy
///         search, at most kMostTextTokens - 1 tokens. The decoder is given the start token and
///         the target.
/// Fails with kUnsupported for a model without attention or without a tokenizer, or where there is
/// a target and no encoder-decoder. With kInvalidArgument for a text without anything but special
/// tokens, or with more tokens than the model takes or kMostTextTokens, or that makes more than
/// kMostWeights weights; nothing is cut.
Result<TextAttention> attention_of_text(const Model& model, std::string_view text,
                                        std::optional<std::string_view> target,
                                        const SessionOptions& options, const RunOptions& run);

}  // namespace lanewise::attention
