#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "converters/formats/checkpoint.hpp"
#include "lanewise/status.hpp"

/// Weights that a module computes from other tensors each time it runs, and that a state dict hence
/// lacks: torch.nn.utils.weight_norm, torch.nn.utils.prune and parametrize.
namespace lanewise::converters {

enum class Parametrization {
  kWeightNorm,  ///< v * (g / norm(v)), the norm over the dimensions in which g has size 1
  kMask,        ///< original * mask
  kUnknown,     ///< exists, but is not computed here
};

/// A weight and what it is computed from.
struct ComputedTensor {
  std::string name;
  Parametrization kind = Parametrization::kUnknown;
  /// Numbers of tensors: g and v; original and mask; the original.
  std::vector<size_t> sources;
};

/// All weights of that sort, none of which stands among `tensors`, in name order as these are.
std::vector<ComputedTensor> find_parametrizations(const std::vector<CheckpointTensor>& tensors);

/// The elements of a weight norm or mask as f32, in `out`. `first` and `second` are its sources,
/// whose shapes find_parametrizations() has seen to fit.
Status compute_parametrization(Parametrization kind, const TensorView& first,
                               const TensorView& second, Scratch& out);

}  // namespace lanewise::converters
