#include "lanewise/sources.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/runtime/text_tiny_vocabulary.hpp"

namespace lanewise {
namespace {

using Ids = std::vector<int32_t>;

ModelInfo info(int64_t max_tokens, int64_t vocabulary = text::kTinySize) {
  ModelInfo info;
  info.max_tokens = max_tokens;
  info.vocabulary_size = vocabulary;
  return info;
}

Result<Source> of_text(std::string_view text, const ModelInfo& info,
                       TooLong too_long = TooLong::kRefuse) {
  const Result<Tokenizer> tokenizer = Tokenizer::from_json(text::tiny_json().dump());
  EXPECT_TRUE(tokenizer.ok());
  return source_of_text(*tokenizer, text, info, too_long);
}

TEST(Sources, OfATextHaveItsSpecialTokens) {
  const auto source = of_text("hello world", info(4));
  ASSERT_TRUE(source.ok()) << source.status().message();
  EXPECT_EQ(source->ids, (Ids{text::kCls, text::kHello, text::kWorld, text::kSep}));
  EXPECT_FALSE(source->truncated);
}

TEST(Sources, ThatAreTooLongAreRefusedOrCut) {
  EXPECT_EQ(of_text("hello world", info(3)).status().message(),
            "the text has 4 tokens; this model takes up to 3");
  const auto cut = of_text("hello world", info(3), TooLong::kTruncate);
  ASSERT_TRUE(cut.ok());
  EXPECT_EQ(cut->ids, (Ids{text::kCls, text::kHello, text::kSep}));
  EXPECT_TRUE(cut->truncated);
  EXPECT_EQ(source_of_ids({1, 2, 3}, info(2)).status().code(), StatusCode::kInvalidArgument);
  const auto ids = source_of_ids({1, 2, 3}, info(2), TooLong::kTruncate);
  ASSERT_TRUE(ids.ok());
  EXPECT_EQ(ids->ids, (Ids{1, 2}));
  EXPECT_TRUE(ids->truncated);
}

TEST(Sources, ThatTheModelDoesNotKnow) {
  EXPECT_EQ(of_text("\xff", info(4)).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(of_text("hello", info(4, text::kHello)).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(source_of_ids({-1}, info(4)).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(source_of_ids({}, info(4)).status().code(), StatusCode::kInvalidArgument);
}

TensorMap padded(DataType type) {
  TensorMap tensors;
  tensors["input_ids"] = Tensor(type, {2, 3});
  tensors["attention_mask"] = Tensor(DataType::kI32, {2, 3});
  for (int i = 0; i < 6; ++i) {
    if (type == DataType::kI64) {
      tensors["input_ids"].as<int64_t>()[i] = 10 + i;
    } else {
      tensors["input_ids"].as<int32_t>()[i] = 10 + i;
    }
    tensors["attention_mask"].as<int32_t>()[i] = i != 2 && i != 3;
  }
  return tensors;
}

TEST(Sources, OfTensorsLeaveThePaddingOut) {
  for (const DataType type : {DataType::kI32, DataType::kI64}) {
    TensorMap tensors = padded(type);
    const auto sources = sources_of_tensors(tensors);
    ASSERT_TRUE(sources.ok()) << sources.status().message();
    EXPECT_EQ(*sources, (std::vector<Ids>{{10, 11}, {14, 15}}));
    tensors.erase("attention_mask");
    EXPECT_EQ(*sources_of_tensors(tensors), (std::vector<Ids>{{10, 11, 12}, {13, 14, 15}}));
  }
}

TEST(Sources, OfTensorsThatAreNoBatch) {
  const auto message = [](TensorMap tensors) {
    const Status status = sources_of_tensors(tensors).status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    return status.message();
  };
  EXPECT_EQ(message({}), "tensor 'input_ids' is missing");
  TensorMap tensors = padded(DataType::kI32);
  tensors["labels"] = Tensor(DataType::kI32, {2, 3});
  EXPECT_EQ(message(tensors), "unknown tensor 'labels'; known: input_ids, attention_mask");
  tensors = padded(DataType::kI32);
  tensors["attention_mask"].as<int32_t>()[0] = 0;
  tensors["attention_mask"].as<int32_t>()[1] = 0;
  EXPECT_EQ(message(tensors), "'attention_mask': row 0 has no token");
  tensors = padded(DataType::kI64);
  tensors["input_ids"].as<int64_t>()[0] = int64_t{1} << 40;
  EXPECT_NE(message(tensors).find("1099511627776"), std::string::npos);
}

}  // namespace
}  // namespace lanewise
