#pragma once

#include <set>
#include <string>
#include <vector>

#include "lanewise/status.hpp"
#include "runtime/graph/graph.hpp"

namespace lanewise::graph {

/// Names of the inputs of a step beside the token ids and the memory.
inline constexpr std::string_view kStepPositions = "positions";
inline constexpr std::string_view kStepSources = "sources";

/// A graph with a decoder, taken apart to generate one token after another.
struct DecodingGraphs {
  /// What is computed once for each source: the encoder, and the keys and values that the decoder
  /// makes of its output. Its outputs are the `memory` of a step. Empty where there is no encoder.
  Graph encode;
  /// What is computed for new tokens. Inputs: their ids, `positions` (where each token stands in
  /// its sequence), the values of `memory`, `sources` (the source of each sequence, where a value
  /// of the memory has a row a source), and one cache for each attention to earlier tokens and each
  /// recurrent layer. Output `logits`, a row a sequence: behind its last token.
  Graph step;
  std::string ids;                  ///< the step's input of token ids
  std::vector<std::string> memory;  ///< outputs of `encode` and inputs of `step`
  /// Inputs of `step`: keys | values [slots, 2 * kv_heads * head_dim], or states [slots, features].
  std::vector<std::string> caches;
};

/// Takes an optimized graph apart. Its output `logits` is what the step computes.
///
/// Attention among the new tokens' own rows becomes cached_attention with a cache; attention to
/// what does not depend on them, cached_attention to memory, or additive_attention; gru and lstm
/// become cached_gru and cached_lstm. A value of the encoder with a row a sequence is memory with a
/// row a source, of which the step takes those that it needs. Everything else stays.
/// kUnsupported, naming the node, for a graph that cannot be decoded step by step: without logits,
/// with attention that is not causal, with a layer that goes backwards, or with a value of the
/// encoder that is used otherwise.
Result<DecodingGraphs> split_for_decoding(const Graph& graph);

/// Names of the nodes that a step computes; none for a graph that is not decoded step by step. Fails
/// where memory runs out.
Result<std::set<std::string>> nodes_of_steps(const Graph& graph);

}  // namespace lanewise::graph
