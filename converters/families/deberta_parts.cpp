#include "converters/families/deberta_parts.hpp"

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>

namespace lanewise::converters {

std::string third_of_heads(ModuleTensors& tensors, const FusedProjection& names,
                           const HeadThird& third) {
  TensorPart part;
  part.shape = {third.width, third.width};
  const int64_t block = third.width / third.heads * third.width;
  part.compute = [third, block](std::span<const float> all, std::span<float> made) {
    for (int64_t head = 0; head < third.heads; ++head) {
      std::copy_n(all.begin() + (3 * head + third.number) * block, block,
                  made.begin() + head * block);
    }
  };
  return tensors.expect_computed(names.tensor, {3 * third.width, third.width}, names.part,
                                 std::move(part));
}

std::string convolution_weight(ModuleTensors& tensors, const std::string& name, int64_t width,
                               int64_t kernel) {
  TensorPart part;
  part.shape = {width, kernel * width};
  const auto in = static_cast<size_t>(width);
  const auto steps = static_cast<size_t>(kernel);
  part.compute = [in, steps](std::span<const float> weight, std::span<float> made) {
    for (size_t row = 0; row < in; ++row) {
      const std::span<const float> from = weight.subspan(row * in * steps, in * steps);
      const std::span<float> to = made.subspan(row * in * steps, in * steps);
      for (size_t i = 0; i < in; ++i) {
        for (size_t step = 0; step < steps; ++step) to[step * in + i] = from[i * steps + step];
      }
    }
  };
  return tensors.expect_computed(name, {width, width, kernel}, name + ".by_neighbour",
                                 std::move(part));
}

}  // namespace lanewise::converters
