#pragma once

/// Quantised linear layers for tests. Each packs its weights by the layout documented in
/// ops/weights, without the converter's code.

#include <cmath>
#include <cstdint>
#include <vector>

#include "ops/operator.hpp"
#include "tests/ops/op_test.hpp"

namespace lanewise::ops::test {

constexpr int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

inline OperatorConfig config_of(Isa isa, int64_t k, int64_t n) {
  OperatorConfig config{.isa = isa};
  config.inputs = {{DataType::kF32, k}};
  config.output = {DataType::kF32, n};
  return config;
}

struct I8Layer {
  int64_t k;
  int64_t n;
  std::vector<int8_t> w;     // [n][k]
  std::vector<float> scale;  // [n]
  std::vector<int8_t> panels{};
  std::vector<int32_t> sums{};

  OperatorConfig config(Isa isa) {
    const int64_t steps = ceil_div(k, 4);
    panels.assign(static_cast<size_t>(ceil_div(n, 16) * steps * 64), 0);
    sums.assign(static_cast<size_t>(n), 0);
    for (int64_t o = 0; o < n; ++o) {
      for (int64_t i = 0; i < k; ++i) {
        const int8_t value = w[static_cast<size_t>(o * k + i)];
        panels[static_cast<size_t>(((o / 16 * steps + i / 4) * 16 + o % 16) * 4 + i % 4)] = value;
        sums[static_cast<size_t>(o)] += value;
      }
    }
    OperatorConfig config = config_of(isa, k, n);
    config.formats["weight"] = WeightFormat::i8;
    config.weights["weight"] = {DataType::kI8, panels.data(), {ceil_div(n, 16), steps, 16, 4}};
    config.weights["weight_scale"] = {DataType::kF32, scale.data(), {n}};
    config.weights["weight_sum"] = {DataType::kI32, sums.data(), {n}};
    return config;
  }
};

inline I8Layer random_i8(int64_t k, int64_t n, uint64_t seed) {
  Random random(seed);
  I8Layer layer{.k = k, .n = n, .w = {}, .scale = random.floats(static_cast<size_t>(n))};
  for (const float x : random.floats(static_cast<size_t>(k * n))) {
    layer.w.push_back(static_cast<int8_t>(std::lrint(127 * x)));
  }
  return layer;
}

struct I4Layer {
  int64_t k;
  int64_t n;
  int64_t group;
  std::vector<uint8_t> u;      // [n][k], 0 to 15
  std::vector<float> scale;    // [panels][groups][16]
  std::vector<float> minimum;  // the same, or empty
  std::vector<uint8_t> panels{};
  std::vector<float> sums{};  // [n]

  int64_t groups() const { return ceil_div(k, group); }
  size_t place(int64_t o, int64_t i) const {
    return static_cast<size_t>((o / 16 * groups() + i / group) * 16 + o % 16);
  }

  double weight(int64_t o, int64_t i) const {
    const double step = scale[place(o, i)];
    const double least = minimum.empty() ? -8 * step : double{minimum[place(o, i)]};
    return step * u[static_cast<size_t>(o * k + i)] + least;
  }

  OperatorConfig config(Isa isa) {
    const int64_t steps = groups() * group / 8;
    sums.clear();
    for (int64_t o = 0; o < n; ++o) {
      double sum = 0;
      for (int64_t i = 0; i < k; ++i) sum += weight(o, i);
      sums.push_back(static_cast<float>(sum));
    }
    panels.assign(static_cast<size_t>(ceil_div(n, 16) * steps * 64), 0);
    for (int64_t o = 0; o < n; ++o) {
      for (int64_t i = 0; i < k; ++i) {
        const int value = u[static_cast<size_t>(o * k + i)] << (i % 8 < 4 ? 0 : 4);
        uint8_t& byte =
            panels[static_cast<size_t>((o / 16 * steps + i / 8) * 64 + o % 16 * 4 + i % 4)];
        byte = static_cast<uint8_t>(byte | value);
      }
    }
    OperatorConfig config = config_of(isa, k, n);
    const Shape scales{ceil_div(n, 16), groups(), 16};
    config.formats["weight"] = *find_weight_choice("int4", group);
    config.weights["weight"] = {DataType::kU8, panels.data(), {ceil_div(n, 16), steps, 64}};
    config.weights["weight_scale"] = {DataType::kF32, scale.data(), scales};
    if (!minimum.empty())
      config.weights["weight_minimum"] = {DataType::kF32, minimum.data(), scales};
    config.weights["weight_sum"] = {DataType::kF32, sums.data(), {n}};
    return config;
  }
};

inline I4Layer random_i4(int64_t k, int64_t n, int64_t group, bool minimums, uint64_t seed) {
  Random random(seed);
  I4Layer layer{.k = k, .n = n, .group = group, .u = {}, .scale = {}, .minimum = {}};
  for (const float x : random.floats(static_cast<size_t>(k * n))) {
    layer.u.push_back(static_cast<uint8_t>(std::lrint(7.5f * (x + 1))));
  }
  const auto scales = static_cast<size_t>(ceil_div(n, 16) * layer.groups() * 16);
  layer.scale = random.floats(scales);
  if (minimums) layer.minimum = random.floats(scales);
  return layer;
}

}  // namespace lanewise::ops::test
