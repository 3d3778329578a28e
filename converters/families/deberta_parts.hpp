#pragma once

#include <cstdint>
#include <string>

#include "converters/families/module_tensors.hpp"

/// Weights of DeBERTa in the form that operators read.
namespace lanewise::converters {

/// The tensor [3 * width, width] with rows [heads, 3, head_dim], and what its part is called.
struct FusedProjection {
  std::string tensor;
  std::string part;
};

struct HeadThird {
  int64_t heads = 0;
  int64_t width = 0;
  int64_t number = 0;  ///< 0: queries, 1: keys, 2: values
};

/// The name of a part [width, width]: the rows of one of the three, head after head.
std::string third_of_heads(ModuleTensors& tensors, const FusedProjection& names,
                           const HeadThird& third);

/// The name of a part [width, kernel * width], which multiplies neighbouring rows side by side: the
/// weight [width, width, kernel] of torch.nn.Conv1d.
std::string convolution_weight(ModuleTensors& tensors, const std::string& name, int64_t width,
                               int64_t kernel);

}  // namespace lanewise::converters
