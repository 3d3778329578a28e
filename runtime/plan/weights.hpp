#pragma once

#include <optional>
#include <string_view>

#include "lanewise/tensor.hpp"
#include "ops/weights/weight_format.hpp"

namespace lanewise::plan {

/// The tensors of a model, by the names that its graph uses. Owns what it shows, or keeps it alive.
class Weights {
 public:
  virtual ~Weights() = default;

  /// The tensor of that name, or nothing. The view stays valid as long as this object.
  virtual std::optional<TensorView> find_weight(std::string_view name) const = 0;
  /// How the weight in the tensor of that name is stored, or nothing for a plain tensor.
  virtual std::optional<ops::WeightFormat> find_format(std::string_view name) const = 0;
};

}  // namespace lanewise::plan
