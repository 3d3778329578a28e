#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runtime/graph/graph.hpp"

namespace lanewise::graph {

/// The tensors of a linear layer or norm, by their names in the checkpoint.
struct Affine {
  std::string weight;
  std::string bias;  ///< empty: none
};

struct EmbedSpec {
  std::string table;           ///< [vocabulary, features]
  std::string type_table;      ///< [types, features]; empty: none
  std::string position_table;  ///< [positions, features]; empty: none, or sinusoidal
  ops::Attributes attributes;  ///< scale, position, position_offset, max_positions (ops/embedding)
};

struct AttentionSpec {
  int64_t heads = 0;
  int64_t kv_heads = 0;
  int64_t head_dim = 0;
  bool causal = false;
  std::optional<double> scale{};  ///< of the scores; usually 1 / sqrt(head_dim)
  int64_t window = 0;             ///< tokens that a query sees, itself included; 0: all
  double soft_cap = 0;            ///< of the scores; 0: none
  std::string relative_bias{};    ///< [heads, 2 * reach + 1] (ops/attention); empty: none
};

struct DisentangledSpec {
  int64_t heads = 0;
  int64_t head_dim = 0;
  double scale = 1;
  int64_t max_distance = 0;
  int64_t buckets = 0;          ///< of distances (ops/attention/disentangled_attention); 0: none
  std::string key_positions;    ///< [2 * span, heads * head_dim]; empty: none
  std::string query_positions;  ///< likewise
};

struct RotaryAnglesSpec {
  std::string frequencies;       ///< [pairs]
  double scale = 1;              ///< of cosines and sines
  std::string long_frequencies;  ///< [pairs], for sequences of more than trained_tokens tokens
  int64_t trained_tokens = 0;    ///< 0: all sequences have the same frequencies
};

struct RotarySpec {
  int64_t heads = 0;  ///< the first of x; all others are copied
  int64_t head_dim = 0;
  bool interleaved = false;  ///< pairs of neighbouring features (ops/rotary)
};

/// The experts of each token (ops/experts).
struct RoutingSpec {
  int64_t top_k = 0;
  bool normalize = false;  ///< their weights add up to 1
};

struct ExpertsSpec {
  int64_t experts = 0;
  std::vector<std::string> weights;  ///< of all experts together [experts * out, in], in this order
  bool per_expert = false;           ///< x has a row for each expert of a token
};

struct RecurrentSpec {
  std::string op;     ///< gru, lstm
  int64_t units = 0;  ///< features of a state; an lstm has twice as many
  bool reverse = false;
  ValueId initial = -1;  ///< one state per sequence; -1: zeros
};

/// Builds the textbook graph of a model: one node for every operator of the paper, nothing fused.
/// Passes (runtime/graph/passes) make it fast. Each method appends one node and returns its
/// output; `name` is the node's place in the model.
class Builder {
 public:
  ValueId input(const std::string& name, RowSymbol rows);
  ValueId embed(const std::string& name, ValueId ids, ValueId type_ids /* or -1 */,
                int64_t features, const EmbedSpec& spec);
  ValueId linear(const std::string& name, ValueId x, int64_t out_features, const Affine& tensors);
  ValueId activation(const std::string& name, ValueId x, const std::string& kind);
  ValueId add(const std::string& name, ValueId a, ValueId b);
  ValueId mul(const std::string& name, ValueId a, ValueId b);
  /// `weight` has a number for each of `parts`.
  ValueId weighted_sum(const std::string& name, const std::vector<ValueId>& parts,
                       const std::string& weight);
  ValueId layer_norm(const std::string& name, ValueId x, const Affine& tensors, double eps);
  /// `weight` is as long as a row, or as a head of it, each of which is then normalised.
  ValueId rms_norm(const std::string& name, ValueId x, const std::string& weight, double eps);
  ValueId soft_cap(const std::string& name, ValueId x, double cap);
  ValueId softmax(const std::string& name, ValueId x);
  ValueId top_experts(const std::string& name, ValueId probabilities, const RoutingSpec& spec);
  /// `features`: of each expert.
  ValueId expert_linear(const std::string& name, ValueId x, ValueId routes, int64_t features,
                        const ExpertsSpec& spec);
  ValueId mix_experts(const std::string& name, ValueId x, ValueId routes);
  /// The positions are those of the tokens of `ids`.
  ValueId rotary_angles(const std::string& name, ValueId ids, int64_t pairs,
                        const RotaryAnglesSpec& spec);
  ValueId rotary(const std::string& name, ValueId x, ValueId angles, const RotarySpec& spec);
  ValueId attention(const std::string& name, ValueId q, ValueId k, ValueId v,
                    const AttentionSpec& spec);
  /// Of queries, keys and values that lie side by side in one value.
  ValueId attention(const std::string& name, ValueId qkv, const AttentionSpec& spec);
  /// Self-attention.
  ValueId disentangled_attention(const std::string& name, ValueId q, ValueId k, ValueId v,
                                 const DisentangledSpec& spec);
  /// weight [depth]: w of the scores.
  ValueId additive_attention(const std::string& name, ValueId q, ValueId k, ValueId v,
                             const std::string& weight);
  /// `gates`: the input's part of the gates, computed by a linear. `tensors`: the state's part.
  ValueId recurrent(const std::string& name, ValueId gates, const Affine& tensors,
                    const RecurrentSpec& spec);
  ValueId pool(const std::string& name, ValueId x, const std::string& kind);
  ValueId slice_rows(const std::string& name, ValueId x, int64_t index);
  /// Each row with `before` rows before and `after` behind it in its sequence.
  ValueId neighbour_rows(const std::string& name, ValueId x, int64_t before, int64_t after);
  ValueId slice_features(const std::string& name, ValueId x, int64_t begin, int64_t features);
  ValueId concat_features(const std::string& name, const std::vector<ValueId>& parts);
  ValueId l2_normalize(const std::string& name, ValueId x, double eps);
  /// A node of any operator, whose output has so many rows and features: for operators that have no
  /// method here.
  ValueId append(Node node, RowSymbol rows, int64_t features);
  void output(const std::string& name, ValueId value);

  const Value& value(ValueId id) const { return graph_.values[static_cast<size_t>(id)]; }
  Graph take() && { return std::move(graph_); }

 private:
  ValueId attention(const std::string& name, std::vector<ValueId> inputs,
                    const AttentionSpec& spec);

  Graph graph_;
};

}  // namespace lanewise::graph
