#include "runtime/file/sink.hpp"

#include <gtest/gtest.h>

#include <string>

namespace lanewise::file {
namespace {

TEST(AlignedBuffer, GrowsAlignedAndKeepsItsBytes) {
  AlignedBuffer buffer;
  std::string expected;
  for (int i = 0; i < 300; ++i) {
    const std::string part(static_cast<size_t>(i), static_cast<char>(i));
    ASSERT_TRUE(buffer.append(std::as_bytes(std::span(part))).ok());
    expected += part;
    ASSERT_EQ(reinterpret_cast<uintptr_t>(buffer.bytes().data()) % AlignedBuffer::kAlignment, 0U);
  }
  EXPECT_EQ(
      std::string(reinterpret_cast<const char*>(buffer.bytes().data()), buffer.bytes().size()),
      expected);
}

TEST(AlignedBuffer, MovesWithoutMovingBytes) {
  AlignedBuffer buffer;
  const std::byte one[1] = {std::byte{1}};
  ASSERT_TRUE(buffer.append(one).ok());
  const std::byte* data = buffer.bytes().data();
  AlignedBuffer moved = std::move(buffer);
  EXPECT_EQ(moved.bytes().data(), data);
  AlignedBuffer assigned;
  assigned = std::move(moved);
  EXPECT_EQ(assigned.bytes().data(), data);
}

TEST(AlignedBuffer, RefusesImpossibleSizes) {
  AlignedBuffer buffer;
  for (const uint64_t size : {UINT64_MAX, UINT64_MAX / 2, UINT64_MAX / 4}) {
    EXPECT_EQ(buffer.reserve(size).code(), StatusCode::kResourceExhausted) << size;
  }
  MemorySink sink(buffer);
  const std::byte one[1] = {};
  ASSERT_TRUE(sink.write(one).ok());
  EXPECT_EQ(sink.reserve(UINT64_MAX).code(), StatusCode::kResourceExhausted);
  ASSERT_TRUE(sink.reserve(1000).ok());
  const std::byte* data = buffer.bytes().data();
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(sink.write(one).ok());
  EXPECT_EQ(buffer.bytes().data(), data);
}

}  // namespace
}  // namespace lanewise::file
