#include "runtime/file/checksums.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

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

constexpr const char* kName = "sums";

class ChecksumsTest : public testing::Test {
 protected:
  void SetUp() override {
    for (int i = 0; i < 20; ++i) values_[i] = static_cast<float>(i);
    // In the file b comes first: only its size is a multiple of the alignment.
    write({tensor("a", {5}, 0), tensor("empty", {0}, 0), tensor("b", {2, 8}, 3)}, kName);
  }

  DeferredTensor tensor(const std::string& name, const Shape& shape, size_t first) const {
    const auto count = static_cast<size_t>(*element_count(shape));
    const std::span values(values_ + first, count);
    return {name, DataType::kF32, shape, [values]() -> Result<OwnedBytes> {
              return OwnedBytes{std::as_bytes(values), nullptr};
            }};
  }

  void write(const std::vector<DeferredTensor>& tensors, const std::string& checksums) {
    buffer_ = AlignedBuffer();
    MemorySink sink(buffer_);
    const Status status = write_deferred(sink, {}, tensors, 64, checksums);
    ASSERT_TRUE(status.ok()) << status.message();
  }

  Status check() const {
    const auto view = SafetensorsView::parse(buffer_.bytes(), "file");
    EXPECT_TRUE(view.ok());
    return check_checksums(*view, kName);
  }

  /// Counted from the end of the file.
  void flip_bit_of(size_t byte) { buffer_.bytes()[buffer_.bytes().size() - byte] ^= std::byte{16}; }

  float values_[20] = {};
  AlignedBuffer buffer_;
};

TEST_F(ChecksumsTest, NameTheDamagedTensor) {
  EXPECT_TRUE(check().ok()) << check().message();
  constexpr size_t kChecksums = 3 * kChecksumBytes;
  flip_bit_of(kChecksums + 1);
  EXPECT_EQ(check().code(), StatusCode::kDataLoss);
  EXPECT_EQ(check().message(), "1 tensor damaged: 'a'");
  flip_bit_of(kChecksums + 5 * sizeof(float) + 1);
  EXPECT_EQ(check().message(), "2 tensors damaged: 'b', 'a'");
}

TEST_F(ChecksumsTest, MayBeDamagedThemselves) {
  flip_bit_of(1);
  EXPECT_EQ(check().message(), "1 tensor damaged: 'a'");
}

TEST_F(ChecksumsTest, KnowTheNames) {
  write({tensor("a", {5}, 0)}, kName);
  const auto bytes = buffer_.bytes();
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  buffer_.bytes()[text.find("\"a\"") + 1] = std::byte{'c'};
  EXPECT_EQ(check().message(), "1 tensor damaged: 'c'");
}

TEST_F(ChecksumsTest, MustBeThere) {
  write({tensor("a", {5}, 0)}, "");
  EXPECT_EQ(check().code(), StatusCode::kNotFound);
  write({tensor("a", {5}, 0), tensor(kName, {3}, 0)}, "");
  EXPECT_EQ(check().message(), "expected 1 checksums, found 12 bytes");
}

}  // namespace
}  // namespace lanewise::file
