#pragma once

/// Packing code shared by several formats.

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "ops/weights/packed_weight.hpp"

namespace lanewise::ops {

template <typename T>
PackedTensor packed_tensor(std::string suffix, DataType type, Shape shape,
                           const std::vector<T>& values) {
  PackedTensor tensor{std::move(suffix), type, std::move(shape), {}};
  tensor.bytes.resize(values.size() * sizeof(T));
  if (!values.empty()) std::memcpy(tensor.bytes.data(), values.data(), tensor.bytes.size());
  return tensor;
}

/// panels[p, i / together, j, i % together] = values[16 p + j, i], zero beyond n and k
template <typename To, typename From, typename Convert>
std::vector<To> interleave(const From* values, int64_t n, int64_t k, int64_t together,
                           Convert convert) {
  const int64_t steps = (k + together - 1) / together;
  const int64_t step = 16 * together;
  std::vector<To> panels(static_cast<size_t>((n + 15) / 16 * steps * step));
  for (int64_t row = 0; row < n; ++row) {
    To* to = panels.data() + row / 16 * steps * step + row % 16 * together;
    for (int64_t i = 0; i < k; ++i) {
      to[i / together * step + i % together] = convert(values[row * k + i]);
    }
  }
  return panels;
}

}  // namespace lanewise::ops
