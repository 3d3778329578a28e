#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "lanewise/embedder.hpp"

namespace lanewise {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kTasksQuantizeEmbeddingsNan = std::numeric_limits<float>::quiet_NaN();

Embeddings embeddings(int64_t dimension, std::vector<float> values) {
  const int64_t count = static_cast<int64_t>(values.size()) / dimension;
  return {count, dimension, std::move(values), {}, {}};
}

/// (numpy.packbits(x > 0).reshape(len(x), -1) - 128).astype(numpy.int8)
TEST(QuantizeEmbeddings, BinaryIsTheSignOfEachNumber) {
  const auto made = quantize_binary(embeddings(16, {1,
                                                    -1,
                                                    0,
                                                    2,
                                                    -3,
                                                    -4,
                                                    5,
                                                    -6,
                                                    0.1F,
                                                    0.1F,
                                                    0.1F,
                                                    0.1F,
                                                    0.1F,
                                                    0.1F,
                                                    0.1F,
                                                    0.1F,
                                                    -1,
                                                    -1,
                                                    0,
                                                    -0.0F,
                                                    -3,
                                                    -4,
                                                    kTasksQuantizeEmbeddingsNan,
                                                    -6,
                                                    0,
                                                    0,
                                                    0,
                                                    0,
                                                    0,
                                                    0,
                                                    0,
                                                    1e-30F}));
  ASSERT_TRUE(made.ok()) << made.status().message();
  EXPECT_EQ(made->count, 2);
  EXPECT_EQ(made->dimension, 2);
  EXPECT_EQ(made->values, (std::vector<int8_t>{0b10010010 - 128, 127, -128, 1 - 128}));
  EXPECT_EQ((*made)[1].front(), -128);
}

TEST(QuantizeEmbeddings, BinaryNeedsWholeBytes) {
  const auto made = quantize_binary(embeddings(12, std::vector<float>(24)));
  EXPECT_EQ(made.status().message(), "binary vectors need a multiple of 8 dimensions, found 12");
}

/// numpy.clip(numpy.floor((x - low) / ((high - low) / 255)), 0, 255) - 128
TEST(QuantizeEmbeddings, Int8HasTheStepsOfItsRange) {
  const EmbeddingRanges ranges{{-1, 0, -2}, {1, 255, 3}};
  const auto made = quantize_int8(embeddings(3, {-1, 0, -2, 1, 255, 3, 0, 100.9F, 0.5F, -7, 300,
                                                 kTasksQuantizeEmbeddingsNan, kInfinity, 0.5F, -1}),
                                  ranges);
  ASSERT_TRUE(made.ok()) << made.status().message();
  EXPECT_EQ(made->count, 5);
  EXPECT_EQ(made->dimension, 3);
  // 1 and 3 are just below 255 steps in f32, for sentence-transformers too.
  EXPECT_EQ(made->values, (std::vector<int8_t>{-128, -128, -128, 126, 127, 126, -1, -28, -1, -128,
                                               127, -128, 127, -128, -77}));
}

TEST(QuantizeEmbeddings, Int8NeedsARangeForEachNumber) {
  const Embeddings two = embeddings(2, {0, 0});
  const auto message = [&](const EmbeddingRanges& ranges) {
    return quantize_int8(two, ranges).status().message();
  };
  EXPECT_EQ(message({{0}, {1}}), "ranges of 1 and 1 numbers for vectors of 2");
  EXPECT_EQ(message({{0, 1}, {1, 0}}),
            "the range of number 1 ends below its beginning or is not finite");
  EXPECT_EQ(message({{kTasksQuantizeEmbeddingsNan, 0}, {1, 1}}),
            "the range of number 0 ends below its beginning or is not finite");
  EXPECT_EQ(message({{0, -3e38F}, {1, 3e38F}}),
            "the range of number 1 ends below its beginning or is not finite");
  EXPECT_EQ(quantize_int8(two, {{0, 0}, {0, 0}})->values, (std::vector<int8_t>{-128, -128}));
}

}  // namespace
}  // namespace lanewise
