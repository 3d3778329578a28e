#include "runtime/file/atomic_folder.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "runtime/file/temporary.hpp"
#include "tests/runtime/file_temporary_folder.hpp"

namespace lanewise::file {
namespace {

namespace fs = std::filesystem;

class AtomicFolderTest : public TemporaryFolderTest {
 protected:
  static void put_at(const std::string& path) { std::ofstream(path) << "text"; }
  /// As if it were made two minutes ago.
  static void age(const std::string& path) {
    fs::last_write_time(path, fs::file_time_type::clock::now() - std::chrono::minutes(2));
  }
};

TEST_F(AtomicFolderTest, AppearsAtCommitOnly) {
  auto made = AtomicFolder::create(path("out"));
  ASSERT_TRUE(made.ok()) << made.status().message();
  put_at(made->path() + "/a");
  EXPECT_FALSE(fs::exists(path("out")));
  ASSERT_TRUE(made->commit().ok());
  EXPECT_TRUE(fs::exists(path("out/a")));
  EXPECT_EQ(count(), 1);
}

TEST_F(AtomicFolderTest, WithoutCommitNothingRemains) {
  {
    auto made = AtomicFolder::create(path("out/"));
    ASSERT_TRUE(made.ok());
    fs::create_directories(made->path() + "/b");
    put_at(made->path() + "/b/a");
  }
  EXPECT_EQ(count(), 0);
}

TEST_F(AtomicFolderTest, ReplacesOnlyAnEmptyFolder) {
  fs::create_directory(path("out"));
  auto made = AtomicFolder::create(path("out"));
  ASSERT_TRUE(made.ok()) << made.status().message();
  put_at(path("out") + "/other");
  EXPECT_FALSE(made->commit().ok());  // It is not empty any more.
  EXPECT_TRUE(fs::exists(path("out/other")));
  for (const char* taken : {"out", "out/other", "none/out", ""}) {
    EXPECT_FALSE(AtomicFolder::create(*taken == 0 ? "" : path(taken)).ok()) << taken;
  }
}

TEST_F(AtomicFolderTest, WhatAKilledProcessLeftIsSwept) {
  const std::string old_file = path(".lanewise-0123456789abcdef.tmp");
  const std::string old_folder = path(".lanewise-1123456789abcdef.tmp");
  const std::string young = path(".lanewise-2123456789abcdef.tmp");
  const std::string others = path(".lanewise-mine.tmp");
  put_at(old_file);
  fs::create_directory(old_folder);
  put_at(old_folder + "/a");
  put_at(young);
  put_at(others);
  for (const std::string& one : {old_file, old_folder, others}) age(one);
  auto used = AtomicFolder::create(path("used"));
  ASSERT_TRUE(used.ok());
  age(used->path());
  sweep_temporaries(folder_.string());
  EXPECT_FALSE(fs::exists(old_file));
  EXPECT_FALSE(fs::exists(old_folder));
  EXPECT_TRUE(fs::exists(young));
  EXPECT_TRUE(fs::exists(others));
  EXPECT_TRUE(fs::exists(used->path()));
}

}  // namespace
}  // namespace lanewise::file
