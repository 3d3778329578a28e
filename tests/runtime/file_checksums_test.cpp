#include "runtime/file/checksums.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "runtime/file/sink.hpp"
#include "runtime/file/xxh64.hpp"

namespace lanewise::file {
namespace {

uint64_t hash(std::string_view text) { return xxh64(std::as_bytes(std::span(text))); }

/// Values of the reference implementation: each length takes another path.
TEST(Xxh64, HasTheReferenceValues) {
  EXPECT_EQ(hash(""), 0xEF46DB3751D8E999U);
  EXPECT_EQ(hash("a"), 0xD24EC4F1A98C6E5BU);
  EXPECT_EQ(hash("abc"), 0x44BC2CF5AD770999U);
  EXPECT_EQ(hash("Nobody inspects the spammish repetition"), 0xFBCEA83C8A378BF1U);
}

TEST(Xxh64, EveryBitCounts) {
  std::string text(100, 'x');
  const uint64_t whole = hash(text);
  for (size_t bit = 0; bit < 8 * text.size(); ++bit) {
    text[bit / 8] = static_cast<char>(text[bit / 8] ^ (1 << bit % 8));
    EXPECT_NE(hash(text), whole) << bit;
    text[bit / 8] = static_cast<char>(text[bit / 8] ^ (1 << bit % 8));
  }
}

class ChecksumsTest : public testing::Test {
 protected:
  void SetUp() override {
    for (int i = 0; i < 20; ++i) values_[i] = static_cast<float>(i);
    inputs_ = {{"a", {DataType::kF32, values_, {20}}},
               {"b", {DataType::kF32, values_ + 3, {2, 5}}}};
    const auto json = checksums_json(inputs_);
    ASSERT_TRUE(json.ok());
    json_ = *json;
    MemorySink sink(buffer_);
    ASSERT_TRUE(write_safetensors(sink, {}, inputs_, 1).ok());
  }

  Status check(const std::string& json) {
    const auto view = SafetensorsView::parse(buffer_.bytes(), "file");
    EXPECT_TRUE(view.ok());
    return check_checksums(*view, json);
  }

  float values_[20] = {};
  std::vector<SafetensorsInput> inputs_;
  std::string json_;
  AlignedBuffer buffer_;
};

TEST_F(ChecksumsTest, NameTheDamagedTensor) {
  EXPECT_TRUE(check(json_).ok());
  const size_t size = buffer_.bytes().size();
  buffer_.bytes()[size - 1] ^= std::byte{1};
  const Status damaged = check(json_);
  EXPECT_EQ(damaged.code(), StatusCode::kDataLoss);
  EXPECT_EQ(damaged.message(), "1 tensor damaged: 'b'");
  buffer_.bytes()[size - 41] ^= std::byte{128};
  EXPECT_EQ(check(json_).message(), "2 tensors damaged: 'a', 'b'");
}

TEST_F(ChecksumsTest, MustBeThere) {
  std::string renamed = json_;
  renamed.replace(renamed.find("\"b\""), 3, "\"c\"");
  EXPECT_EQ(check(renamed).message(), "1 tensor without a checksum: 'b'; 1 tensor missing: 'c'");
  EXPECT_FALSE(check("{}").ok());
  EXPECT_FALSE(check("nothing").ok());
  EXPECT_FALSE(check(R"({"xxh64": {"a": 1, "b": null}})").ok());
}

}  // namespace
}  // namespace lanewise::file
