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

/// The attention weights of a model, for visualisation.

namespace lanewise {

/// Which tokens attend to which.
enum class AttentionKind {
  kEncoder,  ///< the source to itself
  kDecoder,  ///< the target, or the text of a model without an encoder, to itself
  kCross,    ///< the target to the source
};

/// `encoder`, `decoder` or `cross`.
LANEWISE_EXPORT std::string_view name_of(AttentionKind kind) noexcept;

/// The weights of one attention node of a model.
struct AttentionMap {
  std::string node;  ///< its name in the graph: `encoder.layer.0.attention.self`
  AttentionKind kind = AttentionKind::kEncoder;
  int layer = 0;  ///< counted from 0 among those of its kind
  int64_t heads = 0;
  int64_t queries = 0;
  int64_t keys = 0;
  std::vector<float> weights;  ///< [heads, queries, keys]; a row sums to 1, or 0 if it sees no key
};

/// The maximum number of weights in all maps of a run: 64 MB of f32. Their number grows with the
/// square of the number of tokens.
inline constexpr int64_t kMostAttentionWeights = int64_t{1} << 24;

/// The maximum number of tokens of a text, and of a target, in attention_of_text(). Longer ones
/// give maps that nobody can read.
inline constexpr int64_t kMostAttentionTokens = 512;

/// Computes attention weights for sequences of token ids.
///
/// Like a Session, it holds the working memory and threads of one caller. Not thread-safe; several
/// can share the Model.
class LANEWISE_EXPORT AttentionMaps {
 public:
  /// Fails as Session::create() does, and with kUnsupported for a model without attention.
  static Result<AttentionMaps> create(const Model& model, const SessionOptions& options = {});

  AttentionMaps(AttentionMaps&&) noexcept;
  AttentionMaps& operator=(AttentionMaps&&) noexcept;
  ~AttentionMaps();

  /// Whether the model has an encoder and a decoder, so that run() takes `target_ids`.
  bool has_encoder_and_decoder() const noexcept;
  /// The number of weights that run() computes for so many tokens.
  int64_t count(int64_t source_tokens, int64_t target_tokens) const noexcept;

  /// Returns the maps in the order of the graph's nodes.
  ///
  /// target_ids  the decoder's input, beginning with the start token; empty unless the model is an
  ///             encoder-decoder
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

/// The attention maps of a model for one text, and the tokens that they connect.
struct TextAttention {
  std::vector<std::string> source;  ///< tokens of the text, as the tokenizer names them
  std::vector<std::string> target;  ///< tokens of the decoder's input; empty without an encoder
  std::string written;              ///< the target as text
  std::vector<AttentionMap> maps;
};

/// Computes the attention maps of `model` for `text`, which is never truncated.
///
/// target  the output of an encoder-decoder; by default the result of greedy search, at most
///         kMostAttentionTokens - 1 tokens. The decoder reads the start token, then the target.
/// Fails with kUnsupported for a model without attention or without a tokenizer, or for a target if
/// the model is not an encoder-decoder; with kInvalidArgument for a text that has only special
/// tokens, more tokens than the model accepts or than kMostAttentionTokens, or more than
/// kMostAttentionWeights weights. Thread-safe.
LANEWISE_EXPORT Result<TextAttention> attention_of_text(const Model& model, std::string_view text,
                                                        std::optional<std::string_view> target = {},
                                                        const SessionOptions& options = {},
                                                        const RunOptions& run = {});

}  // namespace lanewise
