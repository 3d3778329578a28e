#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "ops/embedding/embed.hpp"
#include "ops/linear/linear.hpp"
#include "ops/weights/bf16/bf16_kernels.hpp"
#include "ops/weights/f32/f32_kernels.hpp"
#include "ops/weights/weight.hpp"
#include "tests/ops/op_test.hpp"
#include "tests/ops/quantized_row.hpp"

/// Every format of weights.def: what it stores, multiplies and looks up. kTests has a row for each
/// format.

namespace lanewise::ops {
namespace {

using test::Matrix;

/// A packed weight, and the values that it represents, computed here.
struct Source {
  PackedWeight packed;
  std::vector<float> values;       // [n, k]
  std::vector<float> input_scale;  // [k] or empty; powers of two, so that dividing is exact
};

Source f32_source(WeightFormat format, int64_t n, int64_t k) {
  const std::vector<float> w = test::Random(1).floats(static_cast<size_t>(n * k));
  return {pack_weight(format, w.data(), n, k), w, {}};
}

float nearest_bf16(float x) {
  const auto bits = std::bit_cast<uint32_t>(x);
  return std::bit_cast<float>((bits + 0x7fffu + (bits >> 16 & 1u)) & 0xffff0000u);
}

Source bf16_source(WeightFormat format, int64_t n, int64_t k) {
  Source source = f32_source(format, n, k);
  for (float& w : source.values) w = nearest_bf16(w);
  return source;
}

std::vector<float> powers_of_two(int64_t k) {
  std::vector<float> factors;
  for (int64_t i = 0; i < k; ++i) factors.push_back(i % 3 == 0 ? 0.5f : i % 3 == 1 ? 1.0f : 2.0f);
  return factors;
}

Source i8_source(WeightFormat format, int64_t n, int64_t k) {
  QuantizedMatrix matrix{.format = format, .n = n, .k = k, .group = k};
  for (const float x : test::Random(2).floats(static_cast<size_t>(n * k))) {
    matrix.values.push_back(static_cast<int8_t>(std::lrint(127 * x)));
  }
  matrix.scales = test::Random(3).floats(static_cast<size_t>(n), 0.01f);
  matrix.input_scale = powers_of_two(k);
  Source source{pack_weight(matrix), {}, matrix.input_scale};
  for (int64_t o = 0; o < n; ++o) {
    for (int64_t i = 0; i < k; ++i) {
      const auto q = static_cast<float>(matrix.values[static_cast<size_t>(o * k + i)]);
      source.values.push_back(matrix.scales[static_cast<size_t>(o)] * q *
                              matrix.input_scale[static_cast<size_t>(i)]);
    }
  }
  return source;
}

/// Panels with minimums if n is even, without if it is odd.
template <int64_t kGroup>
Source i4_source(WeightFormat format, int64_t n, int64_t k) {
  QuantizedMatrix matrix{.format = format, .n = n, .k = k, .group = kGroup};
  for (const float x : test::Random(4).floats(static_cast<size_t>(n * k))) {
    matrix.values.push_back(static_cast<int8_t>(std::lrint(7.5f * (x + 1))));
  }
  const int64_t groups = (k + kGroup - 1) / kGroup;
  matrix.scales = test::Random(5).floats(static_cast<size_t>(n * groups), 0.1f);
  if (n % 2 == 0) matrix.minimums = test::Random(6).floats(static_cast<size_t>(n * groups));
  matrix.input_scale = powers_of_two(k);
  Source source{pack_weight(matrix), {}, matrix.input_scale};
  for (int64_t o = 0; o < n; ++o) {
    for (int64_t i = 0; i < k; ++i) {
      const auto g = static_cast<size_t>(o * groups + i / kGroup);
      const auto u = static_cast<float>(matrix.values[static_cast<size_t>(o * k + i)]);
      const float minimum = matrix.minimums.empty() ? -8.0f * matrix.scales[g] : matrix.minimums[g];
      const float w = matrix.scales[g] * u + minimum;
      source.values.push_back(w * matrix.input_scale[static_cast<size_t>(i)]);
    }
  }
  return source;
}

/// The conversion of x before products.
enum class Inputs { kAsTheyAre, kBytes, kBf16 };

struct FormatTest {
  WeightFormat format;
  Source (*source)(WeightFormat format, int64_t n, int64_t k);
  Inputs inputs;
  /// The largest error of the simplest rounding, as a fraction of the largest weight.
  double step;
};

constexpr FormatTest kTests[] = {
    {WeightFormat::f32, f32_source, Inputs::kAsTheyAre, 0.0},
    {WeightFormat::bf16, bf16_source, Inputs::kBf16, 1.0 / 256},
    {WeightFormat::i8, i8_source, Inputs::kBytes, 1.0 / 253},
    {WeightFormat::i4g32, i4_source<32>, Inputs::kBytes, 2.0 / 29},
    {WeightFormat::i4g64, i4_source<64>, Inputs::kBytes, 2.0 / 29},
    {WeightFormat::i4g128, i4_source<128>, Inputs::kBytes, 2.0 / 29},
};

constexpr bool is_tested(WeightFormat format) {
  for (const FormatTest& row : kTests) {
    if (row.format == format) return true;
  }
  return false;
}
#define LW_WEIGHT_FORMAT(name, ...) \
  static_assert(is_tested(WeightFormat::name), #name " has no row in kTests");
#define LW_TABLE_FORMAT(...)
#include "ops/weights/weights.def"
#undef LW_WEIGHT_FORMAT
#undef LW_TABLE_FORMAT

constexpr int64_t kInputs[] = {1, 7, 16, 31, 32, 33, 64, 65, 130, 257};
constexpr int64_t kOutputs[] = {1, 16, 17, 50};

OperatorConfig linear_config(Isa isa, const Source& source, int64_t k, int64_t n) {
  OperatorConfig config{.isa = isa, .inputs = {{DataType::kF32, k}}, .output = {DataType::kF32, n}};
  set_weight(config, "weight", source.packed);
  return config;
}

/// Every format, for every instruction set for which some format has kernels.
struct AllWeightKernels {
  static constexpr Isa kAlsoFor[] = {Isa::avxvnni, Isa::avx512vnni, Isa::avx512bf16};
};

class WeightsTest : public test::IsaTest {
 protected:
  /// x after the products' conversion.
  std::vector<double> seen(const FormatTest& format, const Source& source, const float* x,
                           int64_t k) const {
    std::vector<float> scaled(x, x + k);
    for (size_t i = 0; i < source.input_scale.size(); ++i) scaled[i] *= source.input_scale[i];
    std::vector<double> inputs(scaled.begin(), scaled.end());
    if (format.inputs == Inputs::kBytes) {
      const test::QuantizedRow row = test::quantize(scaled.data(), k);
      for (size_t i = 0; i < inputs.size(); ++i) {
        inputs[i] = double{row.scale} * static_cast<double>(row.q[i]) + double{row.shift};
      }
    }
    const bool has_bf16 = kernels_isa<LinearBf16Kernels>(isa()) == Isa::avx512bf16;
    if (format.inputs == Inputs::kBf16 && has_bf16) {
      for (double& value : inputs) value = nearest_bf16(static_cast<float>(value));
    }
    return inputs;
  }

  void expect_product(const FormatTest& format, const Source& source, const Matrix<float>& x,
                      const Matrix<float>& y) const {
    const int64_t k = x.features();
    for (int64_t r = 0; r < x.rows(); ++r) {
      const std::vector<double> inputs = seen(format, source, x.row(r), k);
      for (int64_t o = 0; o < y.features(); ++o) {
        double sum = 0, magnitude = 0;
        for (int64_t i = 0; i < k; ++i) {
          double w = source.values[static_cast<size_t>(o * k + i)];
          if (!source.input_scale.empty()) w /= source.input_scale[static_cast<size_t>(i)];
          const double product = inputs[static_cast<size_t>(i)] * w;
          sum += product;
          magnitude += std::abs(product);
        }
        const double bound = 6e-8 * (2 + std::sqrt(static_cast<double>(k))) * (1 + magnitude);
        ASSERT_NEAR(y.at(r, o), sum, bound) << "row " << r << " feature " << o;
      }
    }
  }
};

TEST_P(WeightsTest, UnpackToWhatWasPacked) {
  for (const FormatTest& format : kTests) {
    for (const int64_t k : kInputs) {
      for (const int64_t n : kOutputs) {
        SCOPED_TRACE(::testing::Message() << name_of(format.format) << " " << k << " -> " << n);
        const Source source = format.source(format.format, n, k);
        const auto weight = bind_weight(linear_config(isa(), source, k, n), "weight", n, k);
        ASSERT_TRUE(weight.ok()) << weight.status().message();
        EXPECT_EQ((*weight)->format(), format.format);
        std::vector<float> row(static_cast<size_t>(k));
        for (int64_t o = 0; o < n; ++o) {
          (*weight)->unpack_row(static_cast<size_t>(o), row.data());
          ASSERT_EQ(std::memcmp(row.data(), source.values.data() + o * k, row.size() * 4), 0) << o;
        }
      }
    }
  }
}

TEST_P(WeightsTest, AreMultipliedAsTheyUnpack) {
  for (const FormatTest& format : kTests) {
    for (const int64_t k : kInputs) {
      for (const int64_t n : kOutputs) {
        SCOPED_TRACE(::testing::Message() << name_of(format.format) << " " << k << " -> " << n);
        const Source source = format.source(format.format, n, k);
        const OperatorPtr op = test::expect_made(make_linear(linear_config(isa(), source, k, n)));
        ASSERT_NE(op, nullptr);
        Matrix<float> x = test::random_matrix(1 + (k + n) % 14, k, 7);
        const Matrix<float> y =
            test::run_every_way(*op, std::vector{x.operand()}, Matrix<float>(x.rows(), n));
        expect_product(format, source, x, y);
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST_P(WeightsTest, AreLookedUpAsTheyUnpack) {
  for (const FormatTest& format : kTests) {
    for (const int64_t k : kInputs) {
      for (const int64_t n : kOutputs) {
        SCOPED_TRACE(::testing::Message() << name_of(format.format) << " " << n << " x " << k);
        const Source source = format.source(format.format, n, k);
        OperatorConfig config{
            .isa = isa(), .inputs = {{DataType::kI32, 1}}, .output = {DataType::kF32, k}};
        set_weight(config, "table", source.packed);
        const OperatorPtr op = test::expect_made(make_embed(config));
        ASSERT_NE(op, nullptr);
        Matrix<int32_t> ids(n, 1);
        for (int64_t o = 0; o < n; ++o) ids.at(o, 0) = static_cast<int32_t>(n - 1 - o);
        const Matrix<float> y =
            test::run_every_way(*op, std::vector{ids.operand()}, Matrix<float>(n, k));
        for (int64_t o = 0; o < n; ++o) {
          ASSERT_EQ(std::memcmp(y.row(o), source.values.data() + (n - 1 - o) * k,
                                static_cast<size_t>(k) * 4),
                    0)
              << o;
        }
      }
    }
  }
}

/// Panels combined with positions and types, which are added to the same row.
TEST_P(WeightsTest, LookUpsAddPositionsAndTypes) {
  constexpr int64_t kDim = 37, kTokens = 50;
  const std::vector<float> positions = test::Random(8).floats(20 * kDim);
  const std::vector<float> types = test::Random(9).floats(2 * kDim);
  const test::Sequences sequences{3, 0, 9, 1};
  const RaggedRows ragged = sequences.rows();
  Matrix<int32_t> ids(sequences.total(), 1, 0, 1), type_ids(sequences.total(), 1, 3, 2);
  for (int64_t r = 0; r < ids.rows(); ++r) {
    ids.at(r, 0) = static_cast<int32_t>(r * 7 % kTokens);
    type_ids.at(r, 0) = static_cast<int32_t>(r % 2);
  }
  for (const FormatTest& format : kTests) {
    SCOPED_TRACE(name_of(format.format));
    const Source source = format.source(format.format, kTokens, kDim);
    OperatorConfig config{.isa = isa(),
                          .attributes = {{"position", std::string("learned")},
                                         {"has_type_ids", true},
                                         {"scale", 3.0}},
                          .inputs = {{DataType::kI32, 1}, {DataType::kI32, 1}},
                          .output = {DataType::kF32, kDim}};
    config.weights["position_table"] = {DataType::kF32, positions.data(), {20, kDim}};
    config.weights["type_table"] = {DataType::kF32, types.data(), {2, kDim}};
    OperatorConfig of_rows = config;
    of_rows.weights["table"] = {DataType::kF32, source.values.data(), {kTokens, kDim}};
    set_weight(config, "table", source.packed);
    const OperatorPtr panels = test::expect_made(make_embed(config));
    const OperatorPtr rows = test::expect_made(make_embed(of_rows));
    ASSERT_TRUE(panels != nullptr && rows != nullptr);
    const std::vector<Operand> inputs{ids.operand(&ragged), type_ids.operand(&ragged)};
    const Matrix<float> out(ids.rows(), kDim);
    EXPECT_EQ(test::run_every_way(*panels, inputs, out).values(),
              test::run_every_way(*rows, inputs, out).values());
  }
}

LW_INSTANTIATE_FOR_ISAS(WeightsTest, AllWeightKernels);

TEST(WeightFormats, NamesAreThoseOfTheList) {
  for (const WeightFormatInfo& info : weight_formats()) {
    EXPECT_EQ(find_weight_format(info.name), info.format);
    EXPECT_EQ(&info_of(info.format), &info);
    EXPECT_NE(weight_format_names().find(info.name), std::string::npos);
  }
  EXPECT_EQ(find_weight_format("int8"), std::nullopt);
  EXPECT_EQ(find_weight_choice("int4", 64), WeightFormat::i4g64);
  EXPECT_EQ(find_weight_choice("int4", 48), std::nullopt);
  EXPECT_EQ(find_weight_choice("int8", 32), WeightFormat::i8);
}

TEST(WeightFormats, TakeAsManyBitsAsTheySay) {
  constexpr int64_t kN = 48, kK = 512;
  // A scale and a sum for each output, a factor for each input.
  constexpr double kOnce = 8 * kN + 4 * kK;
  for (const FormatTest& format : kTests) {
    SCOPED_TRACE(name_of(format.format));
    const Source source = format.source(format.format, kN, kK);
    size_t bytes = 0;
    for (const PackedTensor& tensor : source.packed.tensors) bytes += tensor.bytes.size();
    const double stated = info_of(format.format).bits / 8 * kN * kK;
    EXPECT_GE(static_cast<double>(bytes), stated);
    EXPECT_LE(static_cast<double>(bytes), stated + kOnce);
    EXPECT_EQ(
        weights_in(format.format, static_cast<int64_t>(source.packed.tensors.front().bytes.size())),
        kN * kK);
  }
}

TEST(WeightFormats, ArePackedFromFloats) {
  constexpr int64_t kN = 19, kK = 133;
  const std::vector<float> w = test::Random(7).floats(kN * kK);
  for (const FormatTest& format : kTests) {
    SCOPED_TRACE(name_of(format.format));
    const Source source{pack_weight(format.format, w.data(), kN, kK), {}, {}};
    const auto weight = bind_weight(linear_config(Isa::baseline, source, kK, kN), "weight", kN, kK);
    ASSERT_TRUE(weight.ok()) << weight.status().message();
    std::vector<float> row(kK);
    for (int64_t o = 0; o < kN; ++o) {
      (*weight)->unpack_row(static_cast<size_t>(o), row.data());
      for (int64_t i = 0; i < kK; ++i) {
        ASSERT_NEAR(row[static_cast<size_t>(i)], w[static_cast<size_t>(o * kK + i)], format.step);
      }
    }
  }
}

TEST(WeightFormats, RefuseTensorsThatDoNotFit) {
  constexpr int64_t kN = 20, kK = 40;
  for (const FormatTest& format : kTests) {
    const Source source = format.source(format.format, kN, kK);
    for (const PackedTensor& tensor : source.packed.tensors) {
      const std::string role = role_of("weight", tensor.suffix);
      SCOPED_TRACE(std::string(name_of(format.format)) + " " + role);
      OperatorConfig wrong = linear_config(Isa::baseline, source, kK, kN);
      wrong.weights[role].shape.back() += 1;
      test::expect_error(make_linear(wrong), StatusCode::kInvalidArgument, "'" + role + "'");
      wrong = linear_config(Isa::baseline, source, kK, kN);
      wrong.weights[role].type = DataType::kI16;
      test::expect_error(make_linear(wrong), StatusCode::kInvalidArgument, "'" + role + "'");
    }
    OperatorConfig more = linear_config(Isa::baseline, source, kK, kN);
    more.weights["weight_of_none"] = more.weights["weight"];
    test::expect_error(make_linear(more), StatusCode::kInvalidArgument, "'weight_of_none'");
  }
  const Source source = f32_source(WeightFormat::f32, kN, kK);
  OperatorConfig table = linear_config(Isa::baseline, source, kK, kN);
  table.formats["weight"] = WeightFormat::f32_rows;
  test::expect_error(make_linear(table), StatusCode::kInvalidArgument, "found a table (f32_rows)");
}

}  // namespace
}  // namespace lanewise::ops
