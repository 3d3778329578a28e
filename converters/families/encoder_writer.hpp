#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "converters/families/encoder_config.hpp"
#include "converters/families/module_tensors.hpp"
#include "converters/families/rotary_config.hpp"
#include "runtime/graph/builder.hpp"

namespace lanewise::converters {

/// The tables whose rows are summed for each token; empty names: none.
struct EmbeddingTables {
  std::string words;
  std::string positions;
  std::string types;            ///< used if the encoder has token types
  int64_t features = 0;         ///< of all of them
  int64_t position_offset = 0;  ///< the row of the first token's position
};

/// How queries meet keys.
struct EncoderAttention {
  int64_t heads = 0;           ///< of this layer; 0: as many as the encoder has
  graph::ValueId angles = -1;  ///< by which both are turned; -1: they are not
  bool interleaved = false;    ///< pairs of neighbouring features
  bool turn_values = false;
  bool query_key_norms = false;  ///< `layer_norm_q` and `layer_norm_k` beside the projections
  int64_t window = 0;            ///< graph::AttentionSpec
  std::string relative_bias{};   ///< graph::AttentionSpec
};

/// The modules of self-attention. With `packed`, one module has the rows of all three projections,
/// whose names are then only those of nodes.
struct AttentionModules {
  std::string node;
  std::string query;
  std::string key;
  std::string value;
  std::string packed{};
  bool bias = true;
};

/// down(activation(gate(x)) * up(x)). With `packed`, one module has the rows of both.
struct GatedModules {
  std::string gate;
  std::string up;
  std::string down;
  std::string packed{};
  bool gate_first = true;  ///< in `packed`
  bool bias = false;
  bool down_bias = false;
};

/// Members that are such modules are initialised with their type, `.attention = AttentionModules{..}`:
/// GCC 12 destroys what is in nested braces twice if a later member's initialiser throws.
///
/// The modules of one of BERT's layers, in which norms follow sums.
struct PostNormModules {
  AttentionModules attention;
  std::string attention_output;
  std::string attention_norm;
  std::string up{};
  std::string down{};
  std::string norm;
  GatedModules gated{};  ///< instead of up and down if it has modules
  bool output_bias = true;
};

/// Those of BERT itself, for its layer `name`.
PostNormModules bert_layer(const std::string& name);

/// Those of Transformers' Gte and NomicBert, whose feed-forward layers are gated; without biases.
PostNormModules gated_layer(const std::string& name);

/// Writes the textbook graph of an encoder from the parts that they have in common. Nodes are named
/// like the modules of the checkpoint, after its prefix.
class EncoderWriter {
 public:
  /// Both references must outlive it.
  EncoderWriter(const EncoderSizes& sizes, std::string prefix, ModuleTensors& tensors)
      : c_(sizes), prefix_(std::move(prefix)), tensors_(tensors) {}

  graph::Builder& builder() { return builder_; }
  ModuleTensors& tensors() { return tensors_; }
  const std::string& prefix() const { return prefix_; }

  /// Keeps `x` as the next of the hidden states: what the embeddings and then each layer compute, as
  /// Transformers returns it (output_hidden_states).
  void add_state(graph::ValueId x) { states_.push_back(x); }
  const std::vector<graph::ValueId>& states() const { return states_; }

  /// Begins the names of further nodes, which layers that share modules would otherwise have in
  /// common.
  void set_node_prefix(std::string node_prefix) { node_prefix_ = std::move(node_prefix); }

  /// Adds the inputs `input_ids` and, with token types, `token_type_ids`.
  graph::ValueId embed(const EmbeddingTables& tables);
  /// Angles of rotary positions; after embed().
  graph::ValueId angles(const std::string& name, const RotaryFrequencies& rotary);

  graph::ValueId linear(const std::string& name, graph::ValueId x, int64_t out, bool bias = true);
  /// The rows [begin, begin + out) of the module `packed`, which has `rows` of them.
  graph::ValueId rows_of(const std::string& name, const std::string& packed, graph::ValueId x,
                         std::pair<int64_t, int64_t> begin_out, int64_t rows, bool bias);
  /// Checkpoints converted from TensorFlow call weight and bias gamma and beta.
  graph::ValueId norm(const std::string& name, graph::ValueId x, bool bias = true);
  graph::ValueId add_and_norm(const std::string& norm_name, graph::ValueId y, graph::ValueId x);

  /// The heads' outputs, before the projection behind them.
  graph::ValueId attention(const AttentionModules& modules, graph::ValueId x,
                           const EncoderAttention& how);
  graph::ValueId feed_forward(const std::string& up, const std::string& down, graph::ValueId x);
  graph::ValueId gated_feed_forward(const GatedModules& modules, graph::ValueId x);
  graph::ValueId post_norm_layer(const PostNormModules& modules, graph::ValueId x,
                                 const EncoderAttention& how);
  /// tanh(dense(first token)), which is the output `pooler_output` too.
  graph::ValueId pooler(const std::string& dense, graph::ValueId tokens);

 private:
  std::string node(const std::string& name) const { return node_prefix_ + name; }
  graph::ValueId turned(const std::string& name, graph::ValueId x, const EncoderAttention& how);

  const EncoderSizes& c_;
  std::string prefix_;
  std::string node_prefix_;
  ModuleTensors& tensors_;
  graph::Builder builder_;
  graph::ValueId ids_ = -1;
  std::vector<graph::ValueId> states_;
};

}  // namespace lanewise::converters
