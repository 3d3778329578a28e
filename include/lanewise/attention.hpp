#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lanewise/export.hpp"
#include "lanewise/model.hpp"
#include "lanewise/session.hpp"
#include "lanewise/status.hpp"

/// The weights of every attention of a model, for people who want to see them.

namespace lanewise {

/// What attends to what.
enum class AttentionKind {
  kEncoder,  ///< the source to itself
  kDecoder,  ///< the target, or the text of a model without an encoder, to itself
  kCross,    ///< the target to the source
};

/// `encoder`, `decoder` or `cross`.
LANEWISE_EXPORT std::string_view name_of(AttentionKind kind) noexcept;

/// The weights of one attention of a model.
struct AttentionMap {
  std::string node;  ///< its name in the graph: `encoder.layer.0.attention.self`
  AttentionKind kind = AttentionKind::kEncoder;
  int layer = 0;  ///< from 0, among those of its kind
  int64_t heads = 0;
  int64_t queries = 0;
  int64_t keys = 0;
  std::vector<float> weights;  ///< [heads, queries, keys]; a row sums to 1, or is 0: sees no key
};

/// The most weights that all maps of a run have together: 64 MB of f32. They grow with the square
/// of the tokens.
inline constexpr int64_t kMostAttentionWeights = int64_t{1} << 24;

/// The most tokens of a text, and of a target, that attention_of_text() takes: longer ones make
/// maps that nobody can read.
inline constexpr int64_t kMostAttentionTokens = 512;

/// Computes attention weights for sequences of token ids.
///
/// One caller's working memory and threads for a model, as a Session is. Not thread-safe; several
/// share the Model.
class LANEWISE_EXPORT AttentionMaps {
 public:
  /// Fails as Session::create() does, and with kUnsupported for a model without attention.
  static Result<AttentionMaps> create(const Model& model, const SessionOptions& options = {});

  AttentionMaps(AttentionMaps&&) noexcept;
  AttentionMaps& operator=(AttentionMaps&&) noexcept;
  ~AttentionMaps();

  /// Whether the model has an encoder and a decoder, so that run() takes `target_ids`.
  bool has_encoder_and_decoder() const noexcept;
  /// How many weights run() computes for so many tokens.
  int64_t count(int64_t source_tokens, int64_t target_tokens) const noexcept;

  /// The maps in the order of the graph's nodes.
  ///
  /// target_ids  what the decoder of an encoder-decoder is given, its start token first; else
  ///             empty
  /// Fails with kInvalidArgument for ids that Session::run_ragged() refuses, and for more than
  /// kMostAttentionWeights weights.
  Result<std::vector<AttentionMap>> run(std::span<const int32_t> ids,
                                        std::span<const int32_t> target_ids = {},
                                        const RunOptions& options = {});

 private:
  class Impl;
  explicit AttentionMaps(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Every attention of a model for one text, and the tokens that it is between.
struct TextAttention {
  std::vector<std::string> source;  ///< tokens of the text, as the tokenizer names them
  std::vector<std::string> target;  ///< tokens that the decoder was given; empty without an encoder
  std::string written;              ///< the target as a text
  std::vector<AttentionMap> maps;
};

/// Computes the weights of every attention of `model` for `text`. Nothing is cut.
///
/// target  what the decoder of an encoder-decoder is to write; by default what it writes by greedy
///         search, at most kMostAttentionTokens - 1 tokens. The decoder is given the start token
///         and then the target.
/// Fails with kUnsupported for a model without attention or without a tokenizer, or for a target
/// where the model is no encoder-decoder; with kInvalidArgument for a text that has special tokens
/// only, more tokens than the model takes or kMostAttentionTokens, or more than
/// kMostAttentionWeights weights. Thread-safe.
LANEWISE_EXPORT Result<TextAttention> attention_of_text(const Model& model, std::string_view text,
                                                        std::optional<std::string_view> target = {},
                                                        const SessionOptions& options = {},
                                                        const RunOptions& run = {});

}  // namespace lanewise
