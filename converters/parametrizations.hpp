#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "converters/formats/checkpoint.hpp"
#include "lanewise/status.hpp"

/// Weights that a module computes from other tensors whenever it runs, and that a state dict
/// therefore lacks: torch.nn.utils.weight_norm, torch.nn.utils.prune and parametrize.
namespace lanewise::converters {

enum class Parametrization {
  kWeightNorm,  ///< v * (g / norm(v)), the norm over the dimensions in which g has size 1
  kMask,        ///< original * mask
  kUnknown,     ///< recognised, but not supported
};

/// A weight and the tensors that it is computed from.
struct ComputedTensor {
  std::string name;
  Parametrization kind = Parametrization::kUnknown;
  /// Indices of tensors: g and v; original and mask; the original.
  std::vector<size_t> sources;
};

/// Finds all such weights, none of which is in `tensors`, sorted by name like these.
std::vector<ComputedTensor> find_parametrizations(const std::vector<CheckpointTensor>& tensors);

/// Computes the elements of a weight norm or mask as f32 in `out`. `first` and `second` are its
/// sources, whose shapes find_parametrizations() has checked.
Status compute_parametrization(Parametrization kind, const TensorView& first,
                               const TensorView& second, Scratch& out);

}  // namespace lanewise::converters
