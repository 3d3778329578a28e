#pragma once

#include <set>
#include <string>
#include <vector>

#include "lanewise/status.hpp"
#include "ops/attention/kv_page.hpp"
#include "runtime/graph/graph.hpp"

namespace lanewise::graph {

/// Names of the inputs of a step besides the token ids and the memory.
inline constexpr std::string_view kStepPositions = "positions";
inline constexpr std::string_view kStepIsLong = "is_long";
inline constexpr std::string_view kStepSources = "sources";

/// A graph with a decoder, split to generate token by token.
struct DecodingGraphs {
  /// Computed once per source: the encoder, and the decoder's keys and values of its output. Its
  /// outputs are the `memory` of a step. Empty if there is no encoder.
  Graph encode;
  /// Computed for new tokens. Inputs: their ids, `positions` (of each token in its sequence),
  /// `is_long` (1 for tokens of sequences that may have more than `trained_tokens`), the values of
  /// `memory`, `sources` (the source of each sequence, if a value of the memory has one
  /// row per source), and one cache for each attention to earlier tokens and each recurrent layer.
  /// Output: `logits`, one row per sequence, which follow its last token, or one per new token.
  Graph step;
  std::string ids;                  ///< the step's input of token ids
  std::vector<std::string> memory;  ///< outputs of `encode` and inputs of `step`
  /// Inputs of `step`: pages of keys and values (ops/attention/kv_page.hpp), or states [slots,
  /// features].
  std::vector<std::string> caches;
  /// The length beyond which sequences are computed differently from their first token on; 0: none.
  int64_t trained_tokens = 0;
};

/// Which tokens of a step get logits.
enum class LogitRows { kLast, kAll };

/// Splits an optimized graph. A step computes its output `logits`. `type` is that of keys and values
/// in pages.
///
/// Attention among the rows of the new tokens becomes append_kv and paged_attention with a cache.
/// Attention to values that do not depend on them becomes cached_attention to memory, or additive_attention. gru
/// and lstm become cached_gru and cached_lstm. A value of the encoder with one row per sequence
/// becomes memory with one row per source, from which a step gathers the rows that it needs.
/// Everything else is unchanged.
///
/// Fails with kUnsupported, naming the node, for a graph that cannot be decoded step by step:
/// without logits, with attention that is not causal, with a layer that runs backwards, with several
/// trained lengths, or with another use of a value of the encoder.
Result<DecodingGraphs> split_for_decoding(const Graph& graph, LogitRows rows = LogitRows::kLast,
                                          ops::KvType type = ops::KvType::kF32);

/// Names of the nodes that a step computes; none for a graph that is not decoded step by step.
/// Fails if memory runs out.
Result<std::set<std::string>> nodes_of_steps(const Graph& graph);

}  // namespace lanewise::graph
