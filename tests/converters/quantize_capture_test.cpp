// What is captured of the bundled model.

#include "converters/quantize/capture.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "converters/quantize/calibration.hpp"
#include "converters/quantize/samples.hpp"
#include "lanewise/session.hpp"
#include "runtime/model_data.hpp"
#include "runtime/text/utf8.hpp"
#include "tests/converters/bundled_model.hpp"

namespace lanewise::converters {
namespace {

class QuantizeCaptureTest : public ::testing::Test {
 protected:
  static const Model& model() { return bundled_model(); }

  static std::vector<Sample> samples(const std::vector<std::string>& texts) {
    auto made = make_samples(model(), texts);
    EXPECT_TRUE(made.ok()) << made.status().message();
    return std::move(*made);
  }

  static CapturedInputs captured(const std::vector<Sample>& of) {
    auto inputs = capture_inputs(model(), of, 1);
    EXPECT_TRUE(inputs.ok()) << inputs.status().message();
    return std::move(*inputs);
  }

  /// The node that writes the logits.
  static const graph::Node& head() {
    const graph::Graph& graph = model().data().graph();
    return *graph.producer(graph.outputs.at("logits"));
  }

 private:
};

/// Row `row` of the weight in panels times x.
double product(const file::SafetensorsView& file, const std::string& name, int64_t row,
               const float* x, int64_t k) {
  const TensorView panels = file.view(*file.find(name));
  const auto* w = static_cast<const float*>(panels.data);
  double sum = 0;
  for (int64_t j = 0; j < k; ++j) {
    sum += static_cast<double>(w[(row / 16 * k + j) * 16 + row % 16]) * x[j];
  }
  return sum;
}

TEST_F(QuantizeCaptureTest, WhatAWeightIsMultipliedByGivesWhatTheModelGives) {
  const std::vector<Sample> words = samples({"transformer"});
  ASSERT_EQ(words.size(), 1U);
  ASSERT_GT(words[0].target.size(), 5U);
  const graph::Node& node = head();
  ASSERT_EQ(node.op, "linear");
  const InputRows x = captured(words).at(node.name + ".weight");
  ASSERT_EQ(x.rows, static_cast<int64_t>(words[0].target.size()));

  SessionOptions options;
  options.outputs = {"logits"};
  auto session = Session::create(model(), options);
  ASSERT_TRUE(session.ok());
  const auto length = static_cast<int32_t>(words[0].source.size());
  const auto target_length = static_cast<int32_t>(words[0].target.size());
  ASSERT_TRUE(session
                  ->run_ragged({.ids = words[0].source,
                                .type_ids = {},
                                .lengths = {&length, 1},
                                .decoder_ids = words[0].target,
                                .decoder_lengths = {&target_length, 1}})
                  .ok());
  const auto logits = session->output("logits");
  ASSERT_TRUE(logits.ok());
  const file::SafetensorsView& file = model().data().file();
  const auto bias = node.weights.find("bias");
  for (int64_t row = 0; row < x.rows; ++row) {
    for (const int64_t i : {int64_t{0}, int64_t{17}, logits->features - 1}) {
      double expected =
          product(file, node.weights.at("weight").front(), i, x.x.data() + row * x.k, x.k);
      if (bias != node.weights.end()) {
        const TensorView b = file.view(*file.find(bias->second.front()));
        expected += static_cast<const float*>(b.data)[i];
      }
      EXPECT_NEAR(logits->data[row * logits->stride + i], expected, 1e-3) << row << " " << i;
    }
  }
}

TEST_F(QuantizeCaptureTest, EveryWeightOfAProductHasRowsAndTheyAreTheSameAgain) {
  const std::vector<Sample> words = samples({"one", "two", "three"});
  const CapturedInputs inputs = captured(words);
  for (const graph::Node& node : model().data().graph().nodes) {
    if (node.op != "linear") continue;
    const InputRows& x = inputs.at(node.name + ".weight");
    EXPECT_GT(x.rows, 2) << node.name;
    EXPECT_EQ(x.x.size(), static_cast<size_t>(x.rows * x.k)) << node.name;
  }
  const CapturedInputs again = captured(words);
  ASSERT_EQ(again.size(), inputs.size());
  for (const auto& [name, x] : inputs) EXPECT_EQ(again.at(name).x, x.x) << name;
}

TEST_F(QuantizeCaptureTest, ManyRowsAreThinnedOutEvenly) {
  const std::vector<Sample> one = samples({"antidote"});
  const std::vector<Sample> many(400, one.front());
  const InputRows x = captured(many).at(head().name + ".weight");
  EXPECT_GE(x.rows, 1024);
  EXPECT_LT(x.rows, 2048);
  EXPECT_EQ(x.x.size(), static_cast<size_t>(x.rows * x.k));
  // All are rows of the one sample, including those of its first row.
  const InputRows all = captured(one).at(head().name + ".weight");
  for (int64_t row = 0; row < x.rows; ++row) {
    const auto begin = x.x.begin() + row * x.k;
    bool found = false;
    for (int64_t i = 0; i < all.rows && !found; ++i) {
      found = std::equal(begin, begin + x.k, all.x.begin() + i * all.k);
    }
    ASSERT_TRUE(found) << row;
  }
}

TEST_F(QuantizeCaptureTest, NoSamplesGiveNothing) {
  EXPECT_TRUE(captured({}).empty());
  EXPECT_TRUE(samples({}).empty());
}

TEST_F(QuantizeCaptureTest, AFourthOfTheTextsIsHeldOut) {
  const std::string path = testing::TempDir() + "quantize_held_out.txt";
  for (const size_t count : {size_t{3}, size_t{12}}) {
    std::ofstream file(path);
    for (size_t i = 0; i < count; ++i) file << std::string("abcdefghijkl").substr(i, 1) << "\n";
    file.close();
    const auto calibration = calibrate(model(), path, 1);
    ASSERT_TRUE(calibration.ok()) << calibration.status().message();
    EXPECT_EQ(calibration->held_out.size(), 3U);
    int64_t rows = 0;  // of the encoder: a letter and the end token
    for (const auto& [name, x] : calibration->inputs) rows = std::max(rows, x.rows);
    EXPECT_GE(rows, count == 3 ? 3 : 9);
  }
  std::filesystem::remove(path);
}

TEST_F(QuantizeCaptureTest, TextsThatATokenizerRefusesAreSkippedOnlyWhereNobodyChoseThem) {
  const std::vector<std::string> texts = {"word", "two words"};
  const auto skipped = make_samples(model(), texts, Refused::kSkip);
  ASSERT_TRUE(skipped.ok());
  EXPECT_EQ(skipped->size(), 1U);
  const auto failed = make_samples(model(), texts);
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.status().message().rfind("text 2: ", 0), 0U) << failed.status().message();
  const auto builtin = calibrate(model(), "", 1);
  ASSERT_TRUE(builtin.ok());
  EXPECT_GE(builtin->held_out.size(), 5U);
}

TEST(QuantizeSamplesTest, BuiltinTextsAreUtf8AndMany) {
  const std::vector<std::string> texts = builtin_texts();
  EXPECT_GE(texts.size(), 60U);
  for (const std::string& text : texts) {
    EXPECT_FALSE(text.empty());
    EXPECT_TRUE(text::check_utf8(text).ok()) << text;
  }
}

class QuantizeTextsTest : public ::testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove(path_); }

  Result<std::vector<std::string>> read(const std::string& contents) {
    std::ofstream(path_, std::ios::binary) << contents;
    return read_texts(path_);
  }

  const std::string path_ =
      testing::TempDir() + testing::UnitTest::GetInstance()->current_test_info()->name() + ".txt";
};

TEST_F(QuantizeTextsTest, AreLines) {
  const auto texts = read("one\r\n\n  two \nthr\xC3\xA9");
  ASSERT_TRUE(texts.ok());
  EXPECT_EQ(*texts, (std::vector<std::string>{"one", "  two ", "thr\xC3\xA9"}));
}

TEST_F(QuantizeTextsTest, NamesTheLineThatIsNotUtf8) {
  const auto texts = read("one\ntwo\xFF\n");
  ASSERT_FALSE(texts.ok());
  EXPECT_EQ(texts.status().code(), StatusCode::kInvalidArgument);
  EXPECT_NE(texts.status().message().find("NamesTheLineThatIsNotUtf8.txt': line 2"),
            std::string::npos)
      << texts.status().message();
}

TEST_F(QuantizeTextsTest, AFileWithoutTextsIsAnError) {
  for (const char* contents : {"", "\n\r\n\n"}) {
    const auto texts = read(contents);
    ASSERT_FALSE(texts.ok());
    EXPECT_NE(texts.status().message().find("AFileWithoutTextsIsAnError.txt'"), std::string::npos)
        << texts.status().message();
  }
  EXPECT_EQ(read_texts(path_ + ".none").status().code(), StatusCode::kNotFound);
}

}  // namespace
}  // namespace lanewise::converters
