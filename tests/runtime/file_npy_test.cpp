#include "runtime/file/npy.hpp"

#include <cstring>
#include <vector>

#include "tests/runtime/file_temporary_folder.hpp"

namespace lanewise::file {
namespace {

using NpyTest = TemporaryFolderTest;

constexpr size_t kHeaderBytes = 128;

std::string header_for(const std::string& shape) {
  std::string header("\x93NUMPY\x01\x00\x76\x00", 10);
  header += "{'descr': '<f4', 'fortran_order': False, 'shape': " + shape + ", }";
  header.resize(kHeaderBytes - 1, ' ');
  return header + "\n";
}

TEST_F(NpyTest, StreamsRowsAndCountsThem) {
  for (const int64_t expected_rows : {0, 3, 1'000'000}) {
    auto npy = NpyWriter::create(path("a.npy"), 2, expected_rows);
    ASSERT_TRUE(npy.ok()) << npy.status().message();
    const std::vector<float> values = {1, 2, 3, 4, 5, 6};
    ASSERT_TRUE(npy->append(std::span(values).first(2)).ok());
    ASSERT_TRUE(npy->append(std::span(values).last(4)).ok());
    ASSERT_TRUE(npy->commit().ok());
    const std::string file = get("a.npy");
    ASSERT_EQ(file.size(), kHeaderBytes + 24);
    EXPECT_EQ(file.substr(0, kHeaderBytes), header_for("(3, 2)"));
    EXPECT_EQ(std::memcmp(file.data() + kHeaderBytes, values.data(), 24), 0);
  }
}

TEST_F(NpyTest, OfBytes) {
  auto npy = NpyWriter::create(path("a.npy"), 2, 0, DataType::kI8);
  ASSERT_TRUE(npy.ok()) << npy.status().message();
  const std::vector<int8_t> values = {1, -2, 3, -128};
  ASSERT_TRUE(npy->append(std::span<const int8_t>(values)).ok());
  EXPECT_EQ(npy->append(std::vector<float>(2)).code(), StatusCode::kInvalidArgument);
  ASSERT_TRUE(npy->commit().ok());
  const std::string file = get("a.npy");
  ASSERT_EQ(file.size(), kHeaderBytes + 4);
  EXPECT_NE(file.find("{'descr': '|i1', "), std::string::npos);
  EXPECT_NE(file.find("'shape': (2, 2), }"), std::string::npos);
  EXPECT_EQ(std::memcmp(file.data() + kHeaderBytes, values.data(), 4), 0);
  EXPECT_EQ(NpyWriter::create(path("b.npy"), 2, 0, DataType::kI32).status().code(),
            StatusCode::kInvalidArgument);
}

TEST_F(NpyTest, EmptyArraysAndLargestSizes) {
  {
    auto npy = NpyWriter::create(path("a.npy"), 384);
    ASSERT_TRUE(npy.ok() && npy->commit().ok());
    EXPECT_EQ(get("a.npy"), header_for("(0, 384)"));
  }
  auto npy = NpyWriter::create(path("b.npy"), INT64_MAX, INT64_MAX);
  ASSERT_TRUE(npy.ok() && npy->commit().ok());
  EXPECT_EQ(get("b.npy"), header_for("(0, 9223372036854775807)"));
}

TEST_F(NpyTest, RefusesPartsOfRows) {
  auto npy = NpyWriter::create(path("a.npy"), 2);
  ASSERT_TRUE(npy.ok());
  const float values[3] = {};
  EXPECT_EQ(npy->append(values).message(),
            "cannot write '" + path("a.npy") + "': 3 values are not whole rows of 2");
  EXPECT_EQ(NpyWriter::create(path("b.npy"), -1).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(NpyWriter::create(path("b.npy"), 1, -1).status().code(), StatusCode::kInvalidArgument);
  auto none = NpyWriter::create(path("c.npy"), 0);
  ASSERT_TRUE(none.ok());
  EXPECT_EQ(none->append(values).code(), StatusCode::kInvalidArgument);
}

TEST_F(NpyTest, WithoutCommitNothingRemains) {
  {
    auto npy = NpyWriter::create(path("a.npy"), 2);
    ASSERT_TRUE(npy.ok());
  }
  EXPECT_EQ(count(), 0);
  EXPECT_EQ(NpyWriter::create("/dev/full", 2).status().message(),
            "cannot write '/dev/full': No space left on device");
}

}  // namespace
}  // namespace lanewise::file
