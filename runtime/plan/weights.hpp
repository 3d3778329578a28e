#pragma once

#include <optional>
#include <string_view>

#include "lanewise/tensor.hpp"
#include "ops/weights/weight_format.hpp"

namespace lanewise::plan {

/// The tensors of a model, by their names in its graph. Owns them, or keeps them alive.
class Weights {
 public:
  virtual ~Weights() = default;

  /// The tensor with that name, or nothing. The view lives as long as this object.
  virtual std::optional<TensorView> find_weight(std::string_view name) const = 0;
  /// The format of the weight in the tensor with that name, or nothing for a plain tensor.
  virtual std::optional<ops::WeightFormat> find_format(std::string_view name) const = 0;
};

}  // namespace lanewise::plan
