#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <numbers>
#include <string_view>

#include "converters/pack/tables.hpp"
#include "lanewise/convert.hpp"
#include "lanewise/embedder.hpp"
#include "ops/dispatch.hpp"
#include "tests/converters/checkpoint_folder.hpp"

/// Conversion to low-precision weights: what is stored, what it computes, what is refused.

namespace lanewise::converters {
namespace {

constexpr std::string_view kConvertTypesTexts[] = {"a b", "c", "e d c b a e d c b a", "aa ab ac",
                                                   "b b b b c"};

class ConvertTypesTest : public CheckpointFolderTest {
 protected:
  void convert_as(const std::string& weights) {
    options_.weights = weights;
    const Status status = convert_folder();
    ASSERT_TRUE(status.ok()) << status.message();
  }

  /// The vectors of the converted model, one after another.
  std::vector<float> vectors(std::span<const std::string_view> texts, int threads,
                             const std::string& isa = "") {
    const Result<Model> model = Model::open(destination());
    EXPECT_TRUE(model.ok()) << model.status().message();
    Result<Embedder> embedder = Embedder::create(*model, {.threads = threads, .isa = isa});
    EXPECT_TRUE(embedder.ok()) << embedder.status().message();
    const Result<Embeddings> embeddings = embedder->embed(texts);
    EXPECT_TRUE(embeddings.ok()) << embeddings.status().message();
    return embeddings->values;
  }

  void set_weight(const std::string& name, float value) {
    tensors_[name].as<float>()[3] = value;
    write_tensors("model.safetensors", tensors_);
  }
};

double cosine(std::span<const float> a, std::span<const float> b) {
  double ab = 0, aa = 0, bb = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    ab += double{a[i]} * double{b[i]};
    aa += double{a[i]} * double{a[i]};
    bb += double{b[i]} * double{b[i]};
  }
  return ab / std::sqrt(aa * bb);
}

TEST_F(ConvertTypesTest, TextsToCalibrateWithAreNotOverwritten) {
  write_all();
  options_.weights = "int8";
  options_.calibrate = destination();
  std::ofstream(destination()) << "a b c\nd e\n";
  const Status status = convert_folder();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_TRUE(has(status.message(), "it contains the calibration texts"));
  EXPECT_EQ(std::filesystem::file_size(destination()), 10U);
}

TEST_F(ConvertTypesTest, StoresWhatItSays) {
  write_all();
  const std::map<std::string, DataType> panels = {
      {"bf16", DataType::kBF16}, {"int8", DataType::kI8}, {"int4", DataType::kU8}};
  for (const auto& [weights, type] : panels) {
    SCOPED_TRACE(weights);
    convert_as(weights);
    const ConvertedFile out = converted();
    const std::string dense = "encoder.layer.0.output.dense";
    EXPECT_EQ(out.weight(dense, "weight").type, type);
    EXPECT_EQ(out.weight(dense, "bias").type, DataType::kF32);
    EXPECT_EQ(out.weight("embeddings", "table").type,
              weights == "bf16" ? DataType::kBF16 : DataType::kI8);
  }
}

TEST_F(ConvertTypesTest, ComputesNearlyTheSame) {
  write_all();
  convert_as("f32");
  const std::vector<float> expected = vectors(kConvertTypesTexts, 1);
  for (const auto& [weights, least] : {std::pair("bf16", 0.999), {"int8", 0.999}, {"int4", 0.97}}) {
    convert_as(weights);
    for (const std::string_view isa : available_isas()) {
      SCOPED_TRACE(std::string(weights).append(" ").append(isa));
      const std::vector<float> found = vectors(kConvertTypesTexts, 1, std::string(isa));
      ASSERT_EQ(found.size(), expected.size());
      const size_t dimension = expected.size() / std::size(kConvertTypesTexts);
      for (size_t at = 0; at < found.size(); at += dimension) {
        EXPECT_GE(cosine({found.data() + at, dimension}, {expected.data() + at, dimension}), least);
      }
    }
  }
}

TEST_F(ConvertTypesTest, ATextHasTheSameBitsAloneAndInABatch) {
  write_all();
  for (const char* weights : {"bf16", "int8", "int4"}) {
    convert_as(weights);
    for (const std::string_view isa : available_isas()) {
      SCOPED_TRACE(std::string(weights).append(" ").append(isa));
      const std::vector<float> together = vectors(kConvertTypesTexts, 1, std::string(isa));
      EXPECT_EQ(vectors(kConvertTypesTexts, 2, std::string(isa)), together);
      std::vector<float> alone;
      for (const std::string_view& text : kConvertTypesTexts) {
        const std::vector<float> one = vectors({&text, 1}, 1, std::string(isa));
        alone.insert(alone.end(), one.begin(), one.end());
      }
      EXPECT_EQ(alone, together);
    }
  }
}

TEST_F(ConvertTypesTest, RecordsWhatWasMeasured) {
  write_all();
  convert_as("int8");
  const auto record = nlohmann::json::parse(converted().metadata("lanewise.quantization"));
  EXPECT_EQ(record.at("weights"), "int8");
  EXPECT_GT(record.at("mean_cosine"), 0.99);
  EXPECT_TRUE(reported("cosine to f32"));
}

TEST_F(ConvertTypesTest, CalibratesWithTheTextsOfAFile) {
  write_all();
  options_.calibrate = (root_ / "texts.txt").string();
  std::ofstream(options_.calibrate) << "a b c\nd e\na a b\nc\nb c d e\n";
  convert_as("int8");
  const auto record = nlohmann::json::parse(converted().metadata("lanewise.quantization"));
  EXPECT_EQ(record.at("calibration"), "texts.txt");
}

TEST_F(ConvertTypesTest, KeepsWeightsWideForAnError) {
  write_all();
  options_.max_error = 0.02;
  convert_as("int4");
  const auto record = nlohmann::json::parse(converted().metadata("lanewise.quantization"));
  EXPECT_LE(record.at("relative_error"), 0.02);
  EXPECT_FALSE(record.at("wide").empty());
}

TEST_F(ConvertTypesTest, KeepsToAnErrorThatNobodyAskedFor) {
  write_all();
  convert_as("int4");
  const auto record = nlohmann::json::parse(converted().metadata("lanewise.quantization"));
  EXPECT_LE(record.at("relative_error"), 0.11);
  options_.max_error = 10.0;  // no limit
  convert_as("int4");
  const auto unlimited = nlohmann::json::parse(converted().metadata("lanewise.quantization"));
  EXPECT_TRUE(unlimited.at("wide").empty());
}

TEST_F(ConvertTypesTest, RefusesSamplesThatAreNone) {
  write_all();
  options_.weights = "int8";
  options_.calibrate = (root_ / "texts.txt").string();
  EXPECT_TRUE(has(failure(StatusCode::kNotFound), "texts.txt"));
  std::ofstream(options_.calibrate) << "\n\n";
  EXPECT_TRUE(has(failure(StatusCode::kInvalidArgument), "texts.txt"));
  std::ofstream(options_.calibrate) << "a\n\xff\xfe\n";
  EXPECT_TRUE(has(failure(StatusCode::kInvalidArgument), "UTF-8"));
  EXPECT_EQ(files_out(), 0);
}

TEST_F(ConvertTypesTest, RefusesWeightsThatAreNotFinite) {
  for (const char* name :
       {"encoder.layer.0.output.dense.weight", "encoder.layer.0.output.dense.bias",
        "embeddings.word_embeddings.weight"}) {
    for (const char* weights : {"bf16", "int8", "int4"}) {
      SCOPED_TRACE(std::string(name) + " " + weights);
      write_all();
      options_.weights = weights;
      const float before = tensors_[name].as<float>()[3];
      set_weight(name, std::numeric_limits<float>::quiet_NaN());
      EXPECT_TRUE(has(failure(StatusCode::kInvalidArgument), "not a number"));
      set_weight(name, -std::numeric_limits<float>::infinity());
      EXPECT_TRUE(has(failure(StatusCode::kInvalidArgument), "infinite"));
      set_weight(name, before);
    }
  }
  EXPECT_EQ(files_out(), 0);
}

TEST_F(ConvertTypesTest, RefusesOptionsThatDoNotFit) {
  write_all();
  options_.weights = "int5";
  EXPECT_TRUE(has(failure(StatusCode::kUnsupported), "'int5'", "bf16, int8, int4"));
  options_.weights = "int4";
  options_.group = 48;
  EXPECT_TRUE(has(failure(StatusCode::kInvalidArgument), "48", "32, 64, 128"));
  options_.weights = "int8";
  options_.group = 64;
  EXPECT_TRUE(has(failure(StatusCode::kInvalidArgument), "int4 weights, not int8"));
  options_ = {.weights = "bf16", .calibrate = "texts.txt"};
  EXPECT_TRUE(has(failure(StatusCode::kInvalidArgument), "not bf16"));
  options_ = {.weights = "int8", .max_error = 0.0};
  EXPECT_TRUE(has(failure(StatusCode::kInvalidArgument), "above 0"));
}

TEST(QuantizedPanelsTest, IntegersStandWhereTheKernelsReadThem) {
  // 17 features of 37 inputs: a second panel, a step and a group that are not full.
  QuantizedMatrix matrix{.format = WeightFormat::i4g32, .n = 17, .k = 37, .group = 32};
  for (int64_t i = 0; i < 17 * 37; ++i) matrix.values.push_back(static_cast<int8_t>(i % 16));
  for (int64_t i = 0; i < 17 * 2; ++i) matrix.scales.push_back(static_cast<float>(i));
  const std::vector<ops::PackedTensor> i4 = ops::pack_weight(matrix).tensors;
  ASSERT_EQ(i4.size(), 3U);
  EXPECT_EQ(i4[0].shape, (Shape{2, 8, 64}));
  EXPECT_EQ(i4[1].shape, (Shape{2, 2, 16}));
  ASSERT_EQ(i4[2].shape, (Shape{17}));
  const auto byte = [&](size_t at) { return static_cast<int>(i4[0].bytes[at]); };
  // Row 16, inputs 33 and 37 (which is not there): panel 1, step 4, feature 0, byte 1.
  EXPECT_EQ(byte((1 * 8 + 4) * 64 + 1), (16 * 37 + 33) % 16);
  // Row 2, inputs 8 + 3 and 8 + 7: step 1, feature 2, byte 3.
  EXPECT_EQ(byte(64 + 2 * 4 + 3), (2 * 37 + 11) % 16 | (2 * 37 + 15) % 16 << 4);

  // Row 3 has the scales 6 and 7 and no minimums: its values are around 8.
  double whole = 0;
  for (int64_t i = 0; i < 37; ++i) whole += (i < 32 ? 6 : 7) * ((3 * 37 + i) % 16 - 8);
  EXPECT_EQ(reinterpret_cast<const float*>(i4[2].bytes.data())[3], whole);

  matrix.format = WeightFormat::i8;
  matrix.scales.resize(17);
  const std::vector<ops::PackedTensor> i8 = ops::pack_weight(matrix).tensors;
  ASSERT_EQ(i8.size(), 3U);
  EXPECT_EQ(i8[0].shape, (Shape{2, 10, 16, 4}));
  EXPECT_EQ(static_cast<int>(i8[0].bytes[(1 * 10 + 8) * 64 + 1]), (16 * 37 + 33) % 16);
  int32_t sum = 0;
  for (int64_t i = 0; i < 37; ++i) sum += matrix.values[static_cast<size_t>(3 * 37 + i)];
  EXPECT_EQ(reinterpret_cast<const int32_t*>(i8[2].bytes.data())[3], sum);
}

TEST(QuantizedPanelsTest, Bf16IsRoundedToTheNearestEven) {
  const std::vector<float> w = {1.0F,
                                1.00390625F,
                                1.01171875F,
                                -3.0F,
                                std::numbers::pi_v<float>,
                                std::numeric_limits<float>::infinity()};
  const ops::PackedWeight packed = pack_table(WeightFormat::bf16_rows, w, 1, 6);
  const auto* bits = reinterpret_cast<const uint16_t*>(packed.tensors[0].bytes.data());
  EXPECT_EQ(bits[0], 0x3f80);
  EXPECT_EQ(bits[1], 0x3f80);  // half way: down to even
  EXPECT_EQ(bits[2], 0x3f82);  // half way: up to even
  EXPECT_EQ(bits[3], 0xc040);
  EXPECT_EQ(bits[4], 0x4049);
  EXPECT_EQ(bits[5], 0x7f80);  // no NaN
}

}  // namespace
}  // namespace lanewise::converters
