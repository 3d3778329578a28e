#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/half.hpp"
#include "ops/embedding/embed.hpp"
#include "ops/linear/linear.hpp"
#include "ops/weights/bf16/bf16_kernels.hpp"
#include "ops/weights/blocks/block_weight.hpp"
#include "ops/weights/f32/f32_kernels.hpp"
#include "ops/weights/half/half.hpp"
#include "ops/weights/kept_weight.hpp"
#include "ops/weights/weight.hpp"
#include "tests/ops/op_test.hpp"
#include "tests/ops/quantized_row.hpp"
#include "tests/ops/weight_sources.hpp"

/// Every format of weights.def: what it stores, multiplies and looks up.

namespace lanewise::ops {
namespace {

using test::bf16_source;
using test::f16_source;
using test::f32_source;
using test::FormatTest;
using test::Inputs;
using test::inputs_of;
using test::kFormatTests;
using test::kOutputCounts;
using test::Matrix;
using test::nearest_bf16;
using test::pack_rows;
using test::Source;

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
    if (format.inputs == Inputs::kBlocks) {
      for (int64_t i = 0; i < k; i += 32) {
        const test::QuantizedRow block = test::quantize_block(scaled.data() + i);
        for (size_t j = 0; j < 32; ++j) {
          inputs[static_cast<size_t>(i) + j] =
              double{block.scale} * static_cast<double>(block.q[j]);
        }
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
  for (const FormatTest& format : kFormatTests) {
    for (const int64_t k : inputs_of(format)) {
      for (const int64_t n : kOutputCounts) {
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
  for (const FormatTest& format : kFormatTests) {
    for (const int64_t k : inputs_of(format)) {
      for (const int64_t n : kOutputCounts) {
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
  for (const FormatTest& format : kFormatTests) {
    for (const int64_t k : inputs_of(format)) {
      for (const int64_t n : kOutputCounts) {
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
  constexpr int64_t kTokens = 50;
  const test::Sequences sequences{3, 0, 9, 1};
  const RaggedRows ragged = sequences.rows();
  Matrix<int32_t> ids(sequences.total(), 1, 0, 1), type_ids(sequences.total(), 1, 3, 2);
  for (int64_t r = 0; r < ids.rows(); ++r) {
    ids.at(r, 0) = static_cast<int32_t>(r * 7 % kTokens);
    type_ids.at(r, 0) = static_cast<int32_t>(r % 2);
  }
  for (const FormatTest& format : kFormatTests) {
    SCOPED_TRACE(name_of(format.format));
    const int64_t dim = format.inputs_from(37);
    const std::vector<float> positions = test::Random(8).floats(static_cast<size_t>(20 * dim));
    const std::vector<float> types = test::Random(9).floats(static_cast<size_t>(2 * dim));
    const Source source = format.source(format.format, kTokens, dim);
    OperatorConfig config{.isa = isa(),
                          .attributes = {{"position", std::string("learned")},
                                         {"has_type_ids", true},
                                         {"scale", 3.0}},
                          .inputs = {{DataType::kI32, 1}, {DataType::kI32, 1}},
                          .output = {DataType::kF32, dim}};
    config.weights["position_table"] = {DataType::kF32, positions.data(), {20, dim}};
    config.weights["type_table"] = {DataType::kF32, types.data(), {2, dim}};
    OperatorConfig of_rows = config;
    of_rows.weights["table"] = {DataType::kF32, source.values.data(), {kTokens, dim}};
    set_weight(config, "table", source.packed);
    const OperatorPtr panels = test::expect_made(make_embed(config));
    const OperatorPtr rows = test::expect_made(make_embed(of_rows));
    ASSERT_TRUE(panels != nullptr && rows != nullptr);
    const std::vector<Operand> inputs{ids.operand(&ragged), type_ids.operand(&ragged)};
    const Matrix<float> out(ids.rows(), dim);
    EXPECT_EQ(test::run_every_way(*panels, inputs, out).values(),
              test::run_every_way(*rows, inputs, out).values());
  }
}

/// Every product with weights of 16 bits that are widened is that with the same weights in f32.
TEST_P(WeightsTest, OfSixteenBitsGiveTheBitsOfF32) {
  for (const WeightFormat format : {WeightFormat::f16, WeightFormat::bf16_exact}) {
    const bool is_f16 = format == WeightFormat::f16;
    for (const int64_t rows : {1, 2, 3, 5, 8, 13, 40}) {
      constexpr int64_t kK = 77, kN = 83;
      SCOPED_TRACE(::testing::Message() << name_of(format) << " " << rows);
      const Source source = (is_f16 ? f16_source : bf16_source)(format, kN, kK);
      const Source f32{pack_weight(WeightFormat::f32, source.values.data(), kN, kK), {}, {}};
      Matrix<float> x = test::random_matrix(rows, kK, 11);
      const auto multiply = [&](const Source& of) {
        OperatorConfig config = linear_config(isa(), of, kK, kN);
        config.attributes = {{"activation", std::string("gelu")}};
        const OperatorPtr op = test::expect_made(make_linear(config));
        return test::run_every_way(*op, std::vector{x.operand()}, Matrix<float>(rows, kN)).values();
      };
      ASSERT_EQ(multiply(source), multiply(f32));
    }
  }
}

std::vector<FormatTest> block_tests() {
  std::vector<FormatTest> tests;
  for (const FormatTest& format : kFormatTests) {
    if (format.inputs == Inputs::kBlocks) tests.push_back(format);
  }
  return tests;
}

/// More inputs than are unpacked at once, and numbers of rows and panels that leave all kinds of
/// remainders: a row alone has the same bits as among others.
TEST_P(WeightsTest, InBlocksGiveARowTheSameBitsAmongOthers) {
  const int64_t k = test::small_sizes() ? 256 : 2304;
  constexpr int64_t kN = 16 * 5 + 3;
  const int64_t most = test::small_sizes() ? 3 : 40;
  for (const FormatTest& format : block_tests()) {
    SCOPED_TRACE(name_of(format.format));
    const Source source = format.source(format.format, kN, k);
    const OperatorPtr op = test::expect_made(make_linear(linear_config(isa(), source, k, kN)));
    ASSERT_NE(op, nullptr);
    Matrix<float> x = test::random_matrix(most, k, 12);
    Matrix<float> all(most, kN);
    const std::vector inputs{x.operand()};
    test::run_operator(*op, {inputs, all.operand()});
    expect_product(format, source, x, all);
    if (HasFatalFailure()) return;
    for (int64_t rows = 1; rows < most; ++rows) {
      Matrix<float> some(rows, kN);
      std::vector first{x.operand()};
      first[0].rows = rows;
      test::run_operator(*op, {first, some.operand()});
      for (int64_t r = 0; r < rows; ++r) {
        ASSERT_EQ(std::memcmp(some.row(r), all.row(r), kN * sizeof(float)), 0)
            << r << " of " << rows;
      }
    }
  }
}

/// Zeros, tiny numbers, and rows that no scale can represent, which make only their own results
/// NaN.
TEST_P(WeightsTest, InBlocksLetNaNAndInfinityThrough) {
  constexpr int64_t kK = 256, kN = 20;
  for (const FormatTest& format : block_tests()) {
    SCOPED_TRACE(name_of(format.format));
    const Source source = format.source(format.format, kN, kK);
    const OperatorPtr op = test::expect_made(make_linear(linear_config(isa(), source, kK, kN)));
    ASSERT_NE(op, nullptr);
    Matrix<float> x = test::random_matrix(6, kK, 13);
    x.at(1, 40) = std::numeric_limits<float>::quiet_NaN();
    x.at(2, 255) = std::numeric_limits<float>::infinity();
    x.at(3, 0) = -std::numeric_limits<float>::infinity();
    for (int64_t i = 0; i < kK; ++i) x.at(4, i) = i % 2 == 0 ? 0.0f : -0.0f;
    for (int64_t i = 0; i < kK; ++i) x.at(5, i) = 1e-40f;
    const Matrix<float> y =
        test::run_every_way(*op, std::vector{x.operand()}, Matrix<float>(6, kN));
    for (int64_t o = 0; o < kN; ++o) {
      EXPECT_TRUE(std::isfinite(y.at(0, o)));
      for (int64_t r = 1; r <= 3; ++r) EXPECT_TRUE(std::isnan(y.at(r, o))) << r;
      EXPECT_EQ(y.at(4, o), 0.0f);
      EXPECT_EQ(y.at(5, o), 0.0f);
    }
  }
}

LW_INSTANTIATE_FOR_ISAS(WeightsTest, AllWeightKernels);

TEST(WeightFormats, InBlocksGiveTheSameBitsOnEveryInstructionSetWithFma) {
  constexpr int64_t kK = 512, kN = 70, kRows = 11;
  for (const FormatTest& format : block_tests()) {
    const Source source = format.source(format.format, kN, kK);
    Matrix<float> x = test::random_matrix(kRows, kK, 14);
    std::vector<float> first;
    for (const Isa isa : all_isas()) {
      if (!is_available(isa) || !test::has_fma(isa)) continue;
      SCOPED_TRACE(::testing::Message() << name_of(format.format) << " " << name_of(isa));
      OperatorConfig config = linear_config(isa, source, kK, kN);
      config.attributes = {{"activation", std::string("gelu")}};
      const OperatorPtr op = test::expect_made(make_linear(config));
      const std::vector<float> y =
          test::run_every_way(*op, std::vector{x.operand()}, Matrix<float>(kRows, kN)).values();
      if (first.empty()) first = y;
      ASSERT_EQ(std::memcmp(y.data(), first.data(), y.size() * sizeof(float)), 0);
    }
  }
}

/// From rows of a checkpoint at an odd address.
TEST(WeightFormats, OfSixteenBitsArePackedFromRows) {
  constexpr int64_t kN = 35, kK = 21;
  for (const WeightFormat format : {WeightFormat::f16, WeightFormat::bf16_exact}) {
    const std::vector<float> w = test::Random(15).floats(kN * kK);
    std::vector<std::byte> rows(1 + 2 * kN * kK);
    for (size_t i = 0; i < w.size(); ++i) {
      const uint16_t bits = format == WeightFormat::f16 ? to_f16(w[i]) : to_bf16(w[i]);
      std::memcpy(rows.data() + 1 + 2 * i, &bits, sizeof(bits));
    }
    const PackedWeight packed = pack_rows(format, kN, kK, rows.data() + 1);
    EXPECT_EQ(packed.tensors[0].bytes, pack_weight(format, w.data(), kN, kK).tensors[0].bytes);
  }
}

TEST(WeightFormats, InBlocksRefuseInputsThatEndInsideABlock) {
  constexpr int64_t kN = 16;
  for (const FormatTest& format : block_tests()) {
    SCOPED_TRACE(name_of(format.format));
    const Source source = format.source(format.format, kN, format.multiple);
    const std::string message = "a multiple of " + std::to_string(format.multiple) + " inputs";
    for (const int64_t k : {format.multiple - 1, format.multiple + 16}) {
      test::expect_error(make_linear(linear_config(Isa::baseline, source, k, kN)),
                         StatusCode::kInvalidArgument, message);
    }
    EXPECT_EQ(blocks_of(format.format)->elements, format.multiple);
    EXPECT_EQ(kept_format(*blocks_of(format.format)), format.format);
  }
  EXPECT_EQ(blocks_of(WeightFormat::i8), nullptr);
}

/// Nothing but the f16 of the files makes a packed weight larger than its file.
TEST(WeightFormats, InBlocksTakeAtMostFivePercentMoreThanFiles) {
  for (const FormatTest& format : block_tests()) {
    const BlockFormat& blocks = *blocks_of(format.format);
    const double bits =
        8.0 * static_cast<double>(blocks.bytes) / static_cast<double>(blocks.elements);
    EXPECT_LE(info_of(format.format).bits, 1.05 * bits) << blocks.name;
  }
}

TEST(WeightFormats, RoundToTheNearestF16) {
  EXPECT_EQ(to_f16(0.0f), 0);
  EXPECT_EQ(to_f16(-0.0f), 0x8000);
  EXPECT_EQ(to_f16(1.0f), 0x3c00);
  EXPECT_EQ(to_f16(1.0f + 0x1p-11f), 0x3c00);
  EXPECT_EQ(to_f16(1.0f + 0x1.8p-10f), 0x3c02);
  EXPECT_EQ(to_f16(65519.0f), 0x7bff);
  EXPECT_EQ(to_f16(65520.0f), 0x7c00);
  EXPECT_EQ(to_f16(-1e30f), 0xfc00);
  EXPECT_EQ(to_f16(0x1p-25f), 0);
  EXPECT_EQ(to_f16(0x1.8p-24f), 2);
  EXPECT_EQ(to_f16(0x1.ffep-15f), 0x400);
  EXPECT_EQ(to_f16(std::numeric_limits<float>::quiet_NaN()), 0x7e00);
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    const float value = base::half_to_f32(half);
    if (std::isnan(value)) continue;
    ASSERT_EQ(to_f16(value), half);
  }
}

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
  for (const FormatTest& format : kFormatTests) {
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
  constexpr int64_t kN = 19;
  for (const FormatTest& format : kFormatTests) {
    SCOPED_TRACE(name_of(format.format));
    const int64_t k = format.inputs_from(133);
    const std::vector<float> w = test::Random(7).floats(static_cast<size_t>(kN * k));
    const Source source{pack_weight(format.format, w.data(), kN, k), {}, {}};
    const auto weight = bind_weight(linear_config(Isa::baseline, source, k, kN), "weight", kN, k);
    ASSERT_TRUE(weight.ok()) << weight.status().message();
    std::vector<float> row(static_cast<size_t>(k));
    for (int64_t o = 0; o < kN; ++o) {
      (*weight)->unpack_row(static_cast<size_t>(o), row.data());
      for (int64_t i = 0; i < k; ++i) {
        ASSERT_NEAR(row[static_cast<size_t>(i)], w[static_cast<size_t>(o * k + i)], format.step);
      }
    }
  }
}

TEST(WeightFormats, TellTheirTensorsBeforehand) {
  constexpr int64_t kN = 35;
  for (const FormatTest& format : kFormatTests) {
    SCOPED_TRACE(name_of(format.format));
    const int64_t k = format.inputs_from(133);
    const std::vector<float> w(static_cast<size_t>(kN * k));
    const PackedWeight packed = pack_weight(format.format, w.data(), kN, k);
    const std::vector<PackedTensor> told = tensors_of_weight(format.format, kN, k);
    ASSERT_TRUE(!told.empty() || is_packed_from_integers(format.format));
    if (told.empty()) continue;  // they depend on the integers
    ASSERT_EQ(told.size(), packed.tensors.size());
    for (size_t i = 0; i < told.size(); ++i) {
      EXPECT_EQ(told[i].suffix, packed.tensors[i].suffix);
      EXPECT_EQ(told[i].type, packed.tensors[i].type);
      EXPECT_EQ(told[i].shape, packed.tensors[i].shape);
    }
  }
}

TEST(WeightFormats, RefuseTensorsThatDoNotFit) {
  constexpr int64_t kN = 20;
  for (const FormatTest& format : kFormatTests) {
    const int64_t k = format.inputs_from(40);
    const Source source = format.source(format.format, kN, k);
    for (const PackedTensor& tensor : source.packed.tensors) {
      const std::string role = role_of("weight", tensor.suffix);
      SCOPED_TRACE(std::string(name_of(format.format)) + " " + role);
      OperatorConfig wrong = linear_config(Isa::baseline, source, k, kN);
      wrong.weights[role].shape.back() += 1;
      test::expect_error(make_linear(wrong), StatusCode::kInvalidArgument, "'" + role + "'");
      wrong = linear_config(Isa::baseline, source, k, kN);
      wrong.weights[role].type = DataType::kI16;
      test::expect_error(make_linear(wrong), StatusCode::kInvalidArgument, "'" + role + "'");
    }
    OperatorConfig more = linear_config(Isa::baseline, source, k, kN);
    more.weights["weight_of_none"] = more.weights["weight"];
    test::expect_error(make_linear(more), StatusCode::kInvalidArgument, "'weight_of_none'");
  }
  const Source source = f32_source(WeightFormat::f32, kN, 40);
  OperatorConfig table = linear_config(Isa::baseline, source, 40, kN);
  table.formats["weight"] = WeightFormat::f32_rows;
  test::expect_error(make_linear(table), StatusCode::kInvalidArgument, "found a table (f32_rows)");
}

}  // namespace
}  // namespace lanewise::ops
