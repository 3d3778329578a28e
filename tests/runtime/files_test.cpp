#include "lanewise/files.hpp"

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "lanewise/inspect.hpp"
#include "tests/runtime/file_temporary_folder.hpp"

namespace lanewise {
namespace {

using FilesTest = file::TemporaryFolderTest;

TensorMap two_tensors() {
  TensorMap tensors;
  Tensor& ids = tensors["input_ids"] = Tensor(DataType::kI64, {1, 3});
  for (int i = 0; i < 3; ++i) ids.as<int64_t>()[i] = 7 - i;
  Tensor& flags = tensors["a.flag"] = Tensor(DataType::kBool, {1});
  flags.as<uint8_t>()[0] = 1;
  return tensors;
}

void expect_files_equal(const TensorMap& found, const TensorMap& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (const auto& [name, tensor] : expected) {
    const auto other = found.find(name);
    ASSERT_NE(other, found.end()) << name;
    EXPECT_EQ(other->second.type(), tensor.type()) << name;
    EXPECT_EQ(other->second.shape(), tensor.shape()) << name;
    EXPECT_EQ(std::memcmp(other->second.as<char>(), tensor.as<char>(), tensor.size_bytes()), 0);
  }
}

TEST_F(FilesTest, SafetensorsComeBackAsTheyWere) {
  const TensorMap tensors = two_tensors();
  auto file = AtomicFile::create(path("a.safetensors"));
  ASSERT_TRUE(file.ok()) << file.status().message();
  ASSERT_TRUE(write_safetensors(*file, tensors).ok());
  EXPECT_EQ(get("a.safetensors"), "");
  ASSERT_TRUE(file->commit().ok());

  const auto read = read_safetensors(path("a.safetensors"));
  ASSERT_TRUE(read.ok()) << read.status().message();
  expect_files_equal(*read, tensors);

  // Also at an odd address: the bytes may come from anywhere.
  const std::string bytes = "x" + get("a.safetensors");
  const auto parsed = parse_safetensors(std::as_bytes(std::span(bytes)).subspan(1), "here");
  ASSERT_TRUE(parsed.ok()) << parsed.status().message();
  expect_files_equal(*parsed, tensors);
  EXPECT_FALSE(is_model_file(path("a.safetensors")).value());
}

TEST_F(FilesTest, SafetensorsThatAreDamagedOrMissing) {
  const auto missing = read_safetensors(path("none"));
  EXPECT_EQ(missing.status().code(), StatusCode::kNotFound);
  EXPECT_NE(missing.status().message().find(path("none")), std::string::npos);
  const std::string bytes(20, '\xff');
  const auto damaged = parse_safetensors(std::as_bytes(std::span(bytes)), "standard input");
  EXPECT_EQ(damaged.status().code(), StatusCode::kDataLoss);
  EXPECT_NE(damaged.status().message().find("standard input"), std::string::npos);
  auto file = AtomicFile::create(path("b"));
  ASSERT_TRUE(file.ok());
  TensorMap unnamed;
  unnamed[""] = Tensor(DataType::kF32, {1});
  EXPECT_EQ(write_safetensors(*file, unnamed).code(), StatusCode::kInvalidArgument);
}

TEST_F(FilesTest, AnAtomicFileAppearsWholeOrNotAtAll) {
  put("a.txt", "before");
  {
    auto file = AtomicFile::create(path("a.txt"));
    ASSERT_TRUE(file.ok()) << file.status().message();
    ASSERT_TRUE(file->write("after").ok());
    AtomicFile moved = std::move(*file);
    ASSERT_TRUE(moved.write(std::as_bytes(std::span("!", 1))).ok());
    EXPECT_EQ(get("a.txt"), "before");
  }
  EXPECT_EQ(get("a.txt"), "before");
  EXPECT_EQ(count(), 1);
  auto file = AtomicFile::create(path("a.txt"));
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE(file->write("afte").ok());
  ASSERT_TRUE(file->write(std::as_bytes(std::span("r", 1))).ok() && file->commit().ok());
  EXPECT_EQ(get("a.txt"), "after");
  EXPECT_EQ(count(), 1);
  EXPECT_FALSE(file->write("late").ok());
  EXPECT_EQ(AtomicFile::create(path("no/folder")).status().code(), StatusCode::kNotFound);
}

TEST_F(FilesTest, NpyCountsItsRows) {
  auto npy = NpyWriter::create(path("a.npy"), 2);
  ASSERT_TRUE(npy.ok()) << npy.status().message();
  NpyWriter writer = std::move(*npy);
  const std::vector<float> values = {1, 2, 3, 4, 5, 6};
  ASSERT_TRUE(writer.append(values).ok());
  EXPECT_EQ(writer.append(std::span(values).first(1)).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(count(), 0);
  ASSERT_TRUE(writer.commit().ok());
  const std::string file = get("a.npy");
  EXPECT_NE(file.find("(3, 2)"), std::string::npos);
  ASSERT_EQ(file.size(), 128 + 24u);
  EXPECT_EQ(std::memcmp(file.data() + 128, values.data(), 24), 0);
  EXPECT_EQ(NpyWriter::create(path("b.npy"), -1).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(npy_header(3, 2, DataType::kF32).value(), file.substr(0, 128));
  EXPECT_EQ(npy_header(0, 1, DataType::kI64).status().code(), StatusCode::kInvalidArgument);
}

TEST_F(FilesTest, BytesThatWereWrittenCanBeReplaced) {
  auto file = AtomicFile::create(path("a.txt"));
  ASSERT_TRUE(file.ok()) << file.status().message();
  ASSERT_TRUE(file->write("abcd").ok());
  ASSERT_TRUE(file->overwrite(1, "XY").ok());
  EXPECT_EQ(file->overwrite(3, "ZZ").code(), StatusCode::kInvalidArgument);
  ASSERT_TRUE(file->commit().ok());
  EXPECT_EQ(get("a.txt"), "aXYd");
}

/// The values of the specification.
TEST_F(FilesTest, ChecksumIsXxh64) {
  EXPECT_EQ(checksum({}), 0xEF46DB3751D8E999u);
  EXPECT_EQ(checksum(std::as_bytes(std::span("a", 1))), 0xD24EC4F1A98C6E5Bu);
}

}  // namespace
}  // namespace lanewise
