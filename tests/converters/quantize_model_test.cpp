// Quantisation of a whole model, with a packer that stores the dequantised weights as f32.

#include "converters/quantize/quantize_model.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "converters/quantize/quantize_rows.hpp"
#include "lanewise/convert.hpp"
#include "ops/weights/f32/f32.hpp"
#include "runtime/file/sink.hpp"
#include "runtime/model_data.hpp"
#include "tests/converters/bundled_model.hpp"

namespace lanewise::converters {
namespace {

class QuantizeModelTest : public ::testing::Test {
 protected:
  ~QuantizeModelTest() override { std::filesystem::remove(texts_); }

  void SetUp() override {
    if (!std::string_view(LANEWISE_TEST_SANITIZERS).empty()) {
      GTEST_SKIP()
          << "the bundled model takes minutes under a sanitizer; ConvertTypesTest runs the "
             "same code on a tiny one";
    }
  }

  /// A file with a few words for calibration, which takes a fraction of the built-in texts' time.
  const std::string& few_texts() {
    texts_ = testing::TempDir() + "quantize_model_words.txt";
    std::ofstream(texts_) << "transformer\nattention\nriver\nmountain\n";
    return texts_;
  }

  /// Panels of the values that a rounding makes of a weight's rows.
  Result<std::vector<float>> rounded_panels(const WeightRounding& rounding, const std::string& name,
                                            const TensorView& panels, int64_t n) {
    const int64_t k = panels.shape[1];
    const auto* from = static_cast<const float*>(panels.data);
    std::vector<float> w(static_cast<size_t>(n * k));
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t j = 0; j < k; ++j) {
        w[static_cast<size_t>(i * k + j)] = from[(i / 16 * k + j) * 16 + i % 16];
      }
    }
    auto matrix = rounding(name, w, n, k);
    if (!matrix.ok()) return matrix.status();
    if (*matrix) {
      w = dequantize(**matrix);
      if (name == broken_) w.assign(w.size(), 0.0F);
      const std::vector<float>& scale = (*matrix)->input_scale;
      for (size_t i = 0; i < w.size() && !scale.empty(); ++i) w[i] *= scale[i % scale.size()];
    }
    std::vector<float> result(static_cast<size_t>(*element_count(panels.shape)));
    const ops::WeightRows rows[] = {{w.data(), n}};
    ops::pack_panels(rows, k, result.data());
    return result;
  }

  Result<Model> pack(const WeightRounding& rounding) {
    ++packed_;
    const internal::ModelData& data = model_.data();
    std::map<std::string, std::vector<float>> changed;
    for (const graph::Node& node : data.graph().nodes) {
      if (node.op != "linear") continue;
      const std::string& tensor = node.weights.at("weight").front();
      auto panels = rounded_panels(rounding, node.name + ".weight",
                                   data.file().view(*data.file().find(tensor)),
                                   data.graph().values[static_cast<size_t>(node.output)].features);
      if (!panels.ok()) return panels.status();
      changed[tensor] = std::move(*panels);
    }
    if (!broken_.empty()) {  // an error that higher precision does not fix
      const std::string bias = "generator.bias";
      const TensorView view = data.file().view(*data.file().find(bias));
      const auto* from = static_cast<const float*>(view.data);
      for (int64_t i = 0; i < view.shape[0]; ++i) changed[bias].push_back(from[i] + 0.25F);
    }
    std::vector<file::SafetensorsInput> tensors;
    for (const file::TensorEntry& entry : data.file().tensors()) {
      TensorView view = data.file().view(entry);
      const auto found = changed.find(std::string(entry.name));
      if (found != changed.end()) view.data = found->second.data();
      tensors.push_back({std::string(entry.name), view});
    }
    file::AlignedBuffer buffer;
    file::MemorySink sink(buffer);
    const Status written = file::write_safetensors(sink, data.file().metadata(), tensors, 64);
    if (!written.ok()) return written;
    auto made = internal::ModelData::create(std::move(buffer), "test");
    if (!made.ok()) return made.status();
    return Model(std::move(*made));
  }

  Result<ChosenRounding> choose(const QuantizationOptions& options) {
    return choose_rounding(
        model_, options, [&](std::string_view line) { reports_.emplace_back(line); },
        [&](const WeightRounding& rounding) { return pack(rounding); });
  }

  const Model& model_ = bundled_model();
  std::vector<std::string> reports_;
  std::string texts_;
  int packed_ = 0;
  std::string broken_;  // a weight whose values are all wrong, in a model that stays wrong
};

TEST_F(QuantizeModelTest, IsNearToF32AndSaysHowNear) {
  const auto int8 = choose({.format = WeightFormat::i8, .max_error = std::nullopt});
  ASSERT_TRUE(int8.ok()) << int8.status().message();
  EXPECT_EQ(packed_, 1);
  ASSERT_TRUE(int8->record.result);
  EXPECT_GT(int8->record.result->worst_cosine, 0.99);
  EXPECT_GT(int8->record.result->relative_error, 0.0);
  EXPECT_EQ(int8->record.calibration, "built-in texts");
  ASSERT_EQ(reports_.size(), 1U);
  EXPECT_EQ(reports_.front().rfind("int8, logits, ", 0), 0U) << reports_.front();
}

TEST_F(QuantizeModelTest, KeepsToAnErrorWithSomeWeightsWide) {
  for (const WeightFormat type : {WeightFormat::i8, WeightFormat::i4g32}) {
    const auto narrow =
        choose({.format = type, .texts = few_texts(), .max_error = 10.0});  // no limit
    ASSERT_TRUE(narrow.ok());
    const double half = narrow->record.result->relative_error / 2;
    const auto wide = choose({.format = type, .texts = few_texts(), .max_error = half});
    ASSERT_TRUE(wide.ok()) << wide.status().message();
    EXPECT_LE(wide->record.result->relative_error, half);
    ASSERT_GT(wide->record.wide.size(), 0U);
    const auto kept = wide->rounding(*wide->record.wide.begin(), {}, 0, 0);  // known by its name
    ASSERT_TRUE(kept.ok());
    EXPECT_EQ(wide->record.wide_type, type == WeightFormat::i4g32 ? "int8" : "bf16");
    if (type == WeightFormat::i4g32) {
      ASSERT_NE(*kept, nullptr);
      EXPECT_EQ((*kept)->format, WeightFormat::i8);
    } else {
      EXPECT_EQ(*kept, nullptr);
    }
  }
}

TEST_F(QuantizeModelTest, GoesOnToBf16WhereWiderIntegersAreNotEnough) {
  const auto int8 = choose({.format = WeightFormat::i8, .texts = few_texts(), .max_error = 10.0});
  ASSERT_TRUE(int8.ok());
  const double max_error = int8->record.result->relative_error / 4;
  const auto chosen =
      choose({.format = WeightFormat::i4g32, .texts = few_texts(), .max_error = max_error});
  ASSERT_TRUE(chosen.ok()) << chosen.status().message();
  EXPECT_LE(chosen->record.result->relative_error, max_error);
  EXPECT_EQ(chosen->record.wide_type, "bf16");
}

TEST_F(QuantizeModelTest, AnErrorThatNobodyAskedForIsKeptAsFarAsItCanBe) {
  broken_ = "generator.weight";
  for (const WeightFormat type : {WeightFormat::i8, WeightFormat::i4g32}) {
    reports_.clear();
    const auto chosen = choose({.format = type, .texts = few_texts(), .max_error = std::nullopt});
    ASSERT_TRUE(chosen.ok()) << chosen.status().message();
    EXPECT_TRUE(chosen->record.wide.contains(broken_));
    EXPECT_GT(chosen->record.result->relative_error, default_max_error(type));
    EXPECT_LT(chosen->record.result->relative_error, 0.5);  // 1 with the broken weight
    ASSERT_EQ(reports_.size(), 3U);
    EXPECT_NE(reports_.front().find("cannot be reached"), std::string::npos) << reports_.front();
  }
}

TEST_F(QuantizeModelTest, NamesTheTextsAndFailsAsReadingThemDoes) {
  const std::string path = testing::TempDir() + "quantize_model_texts.txt";
  std::ofstream(path) << "transformer\nattention\n";
  const auto chosen = choose({.texts = path, .max_error = std::nullopt});
  ASSERT_TRUE(chosen.ok()) << chosen.status().message();
  EXPECT_EQ(chosen->record.calibration, "quantize_model_texts.txt");
  std::filesystem::remove(path);
  const auto failed = choose({.texts = path, .max_error = std::nullopt});
  EXPECT_EQ(failed.status().code(), StatusCode::kNotFound);
}

}  // namespace
}  // namespace lanewise::converters
