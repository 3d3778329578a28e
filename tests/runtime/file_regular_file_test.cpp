#include "runtime/file/regular_file.hpp"

#include <sys/stat.h>

#include <string>

#include "tests/runtime/file_temporary_folder.hpp"

namespace lanewise::file {
namespace {

using RegularFileTest = TemporaryFolderTest;

std::string file_regular_file_text_of(const AlignedBuffer& buffer) {
  return {reinterpret_cast<const char*>(buffer.bytes().data()), buffer.bytes().size()};
}

TEST_F(RegularFileTest, ReadsTheWholeFile) {
  std::string large;
  for (int i = 0; large.size() < (3u << 20); ++i) large += std::to_string(i);
  for (const std::string& contents : {std::string("x"), large}) {
    put("f", contents);
    const auto buffer = read_regular(path("f"));
    ASSERT_TRUE(buffer.ok()) << buffer.status().message();
    EXPECT_TRUE(file_regular_file_text_of(*buffer) == contents);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer->bytes().data()) % AlignedBuffer::kAlignment, 0u);
  }
}

TEST_F(RegularFileTest, IsIndependentOfTheFile) {
  put("f", "hello");
  const auto buffer = read_regular(path("f"));
  ASSERT_TRUE(buffer.ok());
  std::filesystem::resize_file(path("f"), 0);
  EXPECT_EQ(file_regular_file_text_of(*buffer), "hello");
}

TEST_F(RegularFileTest, RefusesWhatHasNoBytes) {
  put("empty", "");
  ASSERT_EQ(::mkfifo(path("fifo").c_str(), 0600), 0);
  EXPECT_EQ(read_regular(path("empty")).status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(read_regular(path("fifo")).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(read_regular(path(".")).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(read_regular(path("missing")).status().code(), StatusCode::kNotFound);
}

}  // namespace
}  // namespace lanewise::file
