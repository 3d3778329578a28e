#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lanewise/model.hpp"
#include "lanewise/session.hpp"

namespace lanewise::attention {

/// What attends to what.
enum class Kind {
  kEncoder,  ///< the source to itself
  kDecoder,  ///< what a decoder has, to itself
  kCross,    ///< what a decoder has, to the source
};

std::string_view name_of(Kind kind) noexcept;

/// The weights of one attention of a model.
struct AttentionMap {
  std::string node;  ///< its name in the graph: `encoder.layer.0.attention.self`
  Kind kind = Kind::kEncoder;
  int layer = 0;  ///< from 0, among those of its kind
  int64_t heads = 0;
  int64_t queries = 0;
  int64_t keys = 0;
  std::vector<float> weights;  ///< [heads, queries, keys]; a row sums to 1, or is 0: sees no key
};

/// Weights of all maps together that are still shown: 64 MB. They grow with the square of the
/// tokens.
inline constexpr int64_t kMostWeights = int64_t{1} << 24;

/// Computes the weights of every attention of a model for one sequence of token ids.
///
/// Runs the model's graph up to what each attention reads and applies ops::AttentionWeights to it.
/// One caller's working memory, as a Session; the model is shared.
class AttentionMaps {
 public:
  /// Fails as Session::create() does, and with kUnsupported for a model without attention.
  static Result<AttentionMaps> create(const Model& model, const SessionOptions& options);

  AttentionMaps(AttentionMaps&&) noexcept;
  AttentionMaps& operator=(AttentionMaps&&) noexcept;
  ~AttentionMaps();

  /// Whether the model is an encoder and a decoder, and so takes `target_ids`.
  bool has_encoder_and_decoder() const noexcept;
  /// Weights that run() would compute for so many tokens.
  int64_t count(int64_t source_tokens, int64_t target_tokens) const noexcept;

  /// The maps in the order of the graph's nodes.
  ///
  /// target_ids  what the decoder of an encoder-decoder is given, its start token first; else
  ///             empty
  /// Fails with kInvalidArgument for ids that Session::run_ragged() would refuse, and when there
  /// would be more than kMostWeights.
  Result<std::vector<AttentionMap>> run(std::span<const int32_t> ids,
                                        std::span<const int32_t> target_ids,
                                        const RunOptions& options);

 private:
  class Impl;
  explicit AttentionMaps(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace lanewise::attention
