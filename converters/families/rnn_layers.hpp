#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "converters/config.hpp"
#include "converters/families/module_tensors.hpp"
#include "lanewise/status.hpp"
#include "runtime/graph/builder.hpp"

namespace lanewise::converters {

/// A torch.nn.GRU or torch.nn.LSTM, deduced from the shapes of its tensors.
struct RnnShape {
  std::string module;  ///< `encoder.rnn`
  std::string cell;    ///< gru, lstm
  int64_t layers = 0;
  int64_t units = 0;  ///< hidden_size
  bool bidirectional = false;
  bool bias = true;

  int64_t gates() const { return cell == "gru" ? 3 : 4; }
  int64_t directions() const { return bidirectional ? 2 : 1; }
  /// Final states, one for each layer and direction: the first axis of PyTorch's h_n.
  int64_t states() const { return layers * directions(); }
  /// `'encoder.rnn' has 2 bidirectional layers of 19 units`.
  std::string description() const;
};

/// Fails, naming the tensor, if the first layer is missing or of an unknown cell, or if a layer
/// between others is missing.
Result<RnnShape> read_rnn(ModuleTensors& tensors, const std::string& module);

/// The outputs of the layers.
struct RnnValues {
  /// Of the last layer, by direction: h of each token.
  std::vector<graph::ValueId> outputs;
  /// In PyTorch's order, one row per sequence: layer by layer, forward before backward. For an LSTM
  /// h | c.
  std::vector<graph::ValueId> states;
};

/// Writes the layers over x, [rows, features]. `initial` is like RnnValues::states; empty: zeros.
RnnValues write_rnn(graph::Builder& builder, ModuleTensors& tensors, const RnnShape& rnn,
                    graph::ValueId x, const std::vector<graph::ValueId>& initial);

}  // namespace lanewise::converters
