#pragma once

#include <cstdint>
#include <string>

#include "lanewise/tensor.hpp"

namespace lanewise::converters {

/// Sizes of a torch.nn.Transformer; the defaults are those of make_torch_transformer_golden.py.
struct TorchSizes {
  int64_t width = 130;
  int64_t hidden = 199;
  int64_t encoder_layers = 3;
  int64_t decoder_layers = 2;
  int64_t source_tokens = 101;
  int64_t target_tokens = 97;
  bool bias = true;
};

/// The weight with that name as the script computes it, bit by bit.
Tensor torch_weight(const std::string& name, const Shape& shape);

/// The state dict of the tutorial's module, without a table of positions.
TensorMap torch_state_dict(const TorchSizes& sizes);

/// One file of tests/data/torch_transformer.
TensorMap torch_golden(const std::string& name);

}  // namespace lanewise::converters
