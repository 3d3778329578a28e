#include "runtime/file/mapping.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "tests/runtime/file_temporary_folder.hpp"

namespace lanewise::file {
namespace {

using MappingTest = TemporaryFolderTest;

std::string file_mapping_text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

TEST_F(MappingTest, MapsTheWholeFile) {
  put("f", "hello");
  const auto file = MappedFile::open(path("f"));
  ASSERT_TRUE(file.ok()) << file.status().message();
  EXPECT_EQ(file_mapping_text_of(*file), "hello");
}

TEST_F(MappingTest, MovesWithoutMovingBytes) {
  put("f", "first");
  put("g", "second");
  auto first = MappedFile::open(path("f"));
  auto second = MappedFile::open(path("g"));
  ASSERT_TRUE(first.ok() && second.ok());
  const auto* data = first->bytes().data();
  MappedFile moved = std::move(first).value();
  EXPECT_EQ(moved.bytes().data(), data);
  *second = std::move(moved);
  EXPECT_EQ(second->bytes().data(), data);
  EXPECT_EQ(file_mapping_text_of(*second), "first");
  MappedFile& self = *second;
  *second = std::move(self);
  EXPECT_EQ(file_mapping_text_of(*second), "first");
}

TEST_F(MappingTest, OutlivesItsName) {
  put("f", "hello");
  const auto file = MappedFile::open(path("f"));
  ASSERT_TRUE(file.ok());
  std::filesystem::remove(path("f"));
  EXPECT_EQ(file_mapping_text_of(*file), "hello");
}

TEST_F(MappingTest, RefusesWhatHasNoBytes) {
  put("empty", "");
  put("file", "x");
  ASSERT_EQ(::mkfifo(path("fifo").c_str(), 0600), 0);
  ASSERT_EQ(::symlink("loop", path("loop").c_str()), 0);
  struct Case {
    std::string path;
    StatusCode code;
    std::string reason;
  };
  const Case cases[] = {
      {path("none"), StatusCode::kNotFound, "No such file or directory"},
      {path("file/x"), StatusCode::kNotFound, "Not a directory"},
      {path("empty"), StatusCode::kDataLoss, "it is empty"},
      {path("fifo"), StatusCode::kInvalidArgument, "it is not a regular file"},
      {path("loop"), StatusCode::kIo, "Too many levels of symbolic links"},
      {folder_.string(), StatusCode::kInvalidArgument, "it is a directory"},
      {"/dev/null", StatusCode::kInvalidArgument, "it is not a regular file"},
      {"", StatusCode::kNotFound, "No such file or directory"},
  };
  for (const Case& c : cases) {
    const Status status = MappedFile::open(c.path).status();
    EXPECT_EQ(status.code(), c.code) << c.path;
    EXPECT_EQ(status.message(), "cannot open '" + c.path + "': " + c.reason);
  }
  EXPECT_FALSE(MappedFile::open(path("file") + std::string("\0x", 2)).ok());
}

TEST_F(MappingTest, ReportsMissingPermission) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may read everything";
  put("f", "x");
  ASSERT_EQ(::chmod(path("f").c_str(), 0), 0);
  EXPECT_EQ(MappedFile::open(path("f")).status().message(),
            "cannot open '" + path("f") + "': Permission denied");
}

TEST_F(MappingTest, AdvisesOnPartsOfTheFileOnly) {
  put("f", std::string(10'000, 'x'));
  const auto file = MappedFile::open(path("f"));
  ASSERT_TRUE(file.ok());
  const auto bytes = file->bytes();
  for (const auto& part : {bytes, bytes.first(1), bytes.subspan(4097, 5000), bytes.last(1),
                           bytes.first(0), std::span<const std::byte>()}) {
    const Status status = file->advise_will_need(part);
    EXPECT_TRUE(status.ok()) << status.message();
  }
  const std::byte elsewhere[1] = {};
  EXPECT_EQ(file->advise_will_need(elsewhere).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(file->advise_will_need({bytes.data(), bytes.size() + 1}).code(),
            StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace lanewise::file
