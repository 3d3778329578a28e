#pragma once

#include <cstdint>
#include <string>

#include "converters/config.hpp"
#include "converters/families/module_tensors.hpp"
#include "lanewise/status.hpp"
#include "runtime/graph/builder.hpp"

namespace lanewise::converters {

/// The fields of a config for the layers of torch.nn.Transformer, in PyTorch's terms.
struct TorchLayerConfig {
  int64_t features = 0;  ///< d_model
  int64_t heads = 0;
  std::string activation;
  bool norm_first = false;
  bool scale_embedding = true;  ///< by sqrt(features)
  double eps = 1e-5;
};

/// Reads the fields of the layers; `features` is the width of the checkpoint's embedding.
Result<TorchLayerConfig> read_torch_layers(const Config& config, int64_t features);

/// Positions: a learned or stored table, or the sinusoidal one.
struct TorchPositions {
  std::string table;  ///< its name in the graph; empty: sinusoidal
  int64_t count = 0;  ///< the longest sequence
};

/// Reads the table `name`, which PyTorch users store as [count, 1, d], [1, count, d] or [count, d].
/// If the checkpoint has none, `max_length` limits the sequences; its default is 5000, as in
/// PyTorch's tutorials. With a table it can only reduce the limit.
Result<TorchPositions> read_torch_positions(const Config& config, ModuleTensors& tensors,
                                            const std::string& name, int64_t features);

/// Fails with kInvalidArgument unless the config's `field` is absent or equal to `found`, the value
/// that `what` in the checkpoint implies.
Status expect_agreement(const Config& config, const std::string& field, int64_t found,
                        const std::string& what);
/// The same for the fields about all layers of a stack: `dim_feedforward` and `bias`.
Status expect_layer_agreement(const Config& config, ModuleTensors& tensors,
                              const std::string& stack);

/// Writes the textbook graph of PyTorch's Transformer layers. Values and nodes have the default
/// names of their modules.
class TorchLayerWriter {
 public:
  /// Both must outlive it.
  TorchLayerWriter(const TorchLayerConfig& config, ModuleTensors& tensors)
      : c_(config), tensors_(tensors) {}

  graph::ValueId embed(const std::string& name, graph::ValueId ids, const std::string& table,
                       int64_t vocabulary, const TorchPositions& positions);
  /// torch.nn.TransformerEncoder.
  graph::ValueId encoder(const std::string& name, graph::ValueId x, int64_t layers);
  /// torch.nn.TransformerDecoder, causal.
  graph::ValueId decoder(const std::string& name, graph::ValueId x, graph::ValueId memory,
                         int64_t layers);
  /// x W^T + b, with a bias if the checkpoint has one.
  graph::ValueId linear(const std::string& name, graph::ValueId x, int64_t out_features);

  graph::Builder& builder() { return builder_; }

 private:
  enum Projection { kQuery, kKey, kValue };

  graph::ValueId encoder_layer(const std::string& name, graph::ValueId x);
  graph::ValueId decoder_layer(const std::string& name, graph::ValueId x, graph::ValueId memory);
  graph::ValueId norm(const std::string& name, graph::ValueId x);
  graph::ValueId final_norm(const std::string& name, graph::ValueId x);
  graph::ValueId project(const std::string& attention, Projection which, graph::ValueId x);
  graph::ValueId attention(const std::string& name, graph::ValueId x, graph::ValueId memory,
                           bool causal);
  graph::ValueId feed_forward(const std::string& name, graph::ValueId x);
  template <typename Block>
  graph::ValueId residual(const std::string& block_name, const std::string& norm_name,
                          graph::ValueId x, Block block);

  const TorchLayerConfig& c_;
  ModuleTensors& tensors_;
  graph::Builder builder_;
};

}  // namespace lanewise::converters
