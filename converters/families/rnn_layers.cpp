#include "converters/families/rnn_layers.hpp"

#include <utility>

#include "base/messages.hpp"
#include "base/status_macros.hpp"

namespace lanewise::converters {
namespace {

using base::in_quotes;
using graph::ValueId;

/// `weight_ih_l0_reverse`, after a dot.
std::string tensor_name(const RnnShape& rnn, const char* what, int64_t layer, bool reverse) {
  return rnn.module + "." + what + "_l" + std::to_string(layer) + (reverse ? "_reverse" : "");
}

Result<std::string> cell_of(ModuleTensors& tensors, const std::string& weight, const Shape& shape) {
  if (shape[0] == 3 * shape[1]) return std::string("gru");
  if (shape[0] == 4 * shape[1]) return std::string("lstm");
  return invalid_argument("tensor " + in_quotes(tensors.file_name(weight)) +
                          ": expected 3 rows per column (GRU) or 4 (LSTM without "
                          "projection), file has " +
                          to_string(shape));
}

Result<int64_t> count_layers(ModuleTensors& tensors, const RnnShape& rnn) {
  const auto there = [&](int64_t layer) {
    return tensors.has(tensor_name(rnn, "weight_ih", layer, false));
  };
  int64_t layers = 1;
  while (there(layers)) ++layers;
  if (!there(layers + 1)) return layers;
  const auto name = [&](int64_t layer) {
    return in_quotes(tensors.file_name(tensor_name(rnn, "weight_ih", layer, false)));
  };
  return not_found("tensor " + name(layers) + " is missing, the file has " + name(layers + 1));
}

/// One layer in one direction.
class LayerWriter {
 public:
  LayerWriter(graph::Builder& builder, ModuleTensors& tensors, const RnnShape& rnn, int64_t layer,
              bool reverse)
      : builder_(builder),
        tensors_(tensors),
        rnn_(rnn),
        layer_(layer),
        reverse_(reverse),
        name_(tensor_name(rnn, "layer", layer, reverse)) {}

  /// Returns the state after each token.
  ValueId write(ValueId x, ValueId initial) {
    const ValueId gates = builder_.linear(name_ + ".input", x, rnn_.gates() * rnn_.units,
                                          affine("ih", builder_.value(x).features));
    return builder_.recurrent(
        name_, gates, affine("hh", rnn_.units),
        {.op = rnn_.cell, .units = rnn_.units, .reverse = reverse_, .initial = initial});
  }

  ValueId output(ValueId states) {
    if (rnn_.cell == "gru") return states;
    return builder_.slice_features(name_ + ".h", states, 0, rnn_.units);
  }

  ValueId last_state(ValueId states) {
    return builder_.slice_rows(name_ + ".last", states, reverse_ ? 0 : -1);
  }

 private:
  graph::Affine affine(const std::string& kind, int64_t columns) {
    const int64_t rows = rnn_.gates() * rnn_.units;
    graph::Affine affine;
    affine.weight = tensors_.expect(tensor("weight_" + kind), {rows, columns});
    if (rnn_.bias) affine.bias = tensors_.expect(tensor("bias_" + kind), {rows});
    return affine;
  }

  std::string tensor(const std::string& what) const {
    return tensor_name(rnn_, what.c_str(), layer_, reverse_);
  }

  graph::Builder& builder_;
  ModuleTensors& tensors_;
  const RnnShape& rnn_;
  int64_t layer_;
  bool reverse_;
  std::string name_;
};

}  // namespace

std::string RnnShape::description() const {
  return in_quotes(module) + " has " + std::to_string(layers) +
         (bidirectional ? " bidirectional" : "") + (layers == 1 ? " layer" : " layers") + " of " +
         std::to_string(units) + " units";
}

Result<RnnShape> read_rnn(ModuleTensors& tensors, const std::string& module) {
  RnnShape rnn{.module = module};
  LW_RETURN_IF_ERROR(tensors.shape(tensor_name(rnn, "weight_ih", 0, false), 2).status());
  const std::string weight = tensor_name(rnn, "weight_hh", 0, false);
  LW_ASSIGN_OR_RETURN(const Shape shape, tensors.shape(weight, 2));
  rnn.units = shape[1];
  LW_ASSIGN_OR_RETURN(rnn.cell, cell_of(tensors, weight, shape));
  LW_ASSIGN_OR_RETURN(rnn.layers, count_layers(tensors, rnn));
  rnn.bidirectional = tensors.has(tensor_name(rnn, "weight_ih", 0, true));
  rnn.bias = tensors.has(tensor_name(rnn, "bias_ih", 0, false));
  return rnn;
}

RnnValues write_rnn(graph::Builder& builder, ModuleTensors& tensors, const RnnShape& rnn, ValueId x,
                    const std::vector<ValueId>& initial) {
  RnnValues values;
  for (int64_t layer = 0; layer < rnn.layers; ++layer) {
    values.outputs.clear();
    for (int64_t direction = 0; direction < rnn.directions(); ++direction) {
      LayerWriter writer(builder, tensors, rnn, layer, direction == 1);
      const ValueId states = writer.write(x, initial.empty() ? -1 : initial[values.states.size()]);
      values.outputs.push_back(writer.output(states));
      values.states.push_back(writer.last_state(states));
    }
    const bool last = layer + 1 == rnn.layers;
    x = values.outputs.front();
    if (!last && rnn.bidirectional) {
      x = builder.concat_features(tensor_name(rnn, "layer", layer, false) + ".joined",
                                  values.outputs);
    }
  }
  return values;
}

}  // namespace lanewise::converters
