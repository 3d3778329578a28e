#include "runtime/file/atomic_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>

#include "runtime/file/mapping.hpp"
#include "runtime/file/safetensors.hpp"
#include "tests/runtime/file_temporary_folder.hpp"

namespace {
std::function<void(int descriptor)> on_fsync;
}  // namespace

/// Replaces the C library's in this program.
extern "C" int fsync(int descriptor) {
  if (on_fsync) on_fsync(descriptor);
  return static_cast<int>(::syscall(SYS_fsync, descriptor));
}

namespace lanewise::file {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

mode_t permissions_of(const std::string& path) {
  struct stat facts = {};
  EXPECT_EQ(::stat(path.c_str(), &facts), 0);
  return facts.st_mode & 0777;
}

class AtomicFileTest : public TemporaryFolderTest {
 protected:
  static void replace(const std::string& path, std::string_view contents) {
    auto file = AtomicFile::create(path);
    ASSERT_TRUE(file.ok()) << file.status().message();
    const Status status = file->write(bytes_of(contents));
    ASSERT_TRUE(status.ok()) << status.message();
    const Status committed = file->commit();
    ASSERT_TRUE(committed.ok()) << committed.message();
  }
};

TEST_F(AtomicFileTest, AppearsAtCommitOnly) {
  put("f", "old");
  auto file = AtomicFile::create(path("f"));
  ASSERT_TRUE(file.ok()) << file.status().message();
  ASSERT_TRUE(file->write(bytes_of("ne")).ok());
  ASSERT_TRUE(file->write(bytes_of("w")).ok());
  EXPECT_EQ(get("f"), "old");
  ASSERT_TRUE(file->commit().ok());
  EXPECT_EQ(get("f"), "new");
  EXPECT_EQ(count(), 1);
  EXPECT_EQ(file->commit().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(file->write(bytes_of("x")).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(get("f"), "new");
}

TEST_F(AtomicFileTest, WithoutCommitNothingRemains) {
  put("f", "old");
  {
    auto file = AtomicFile::create(path("f"));
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE(file->write(bytes_of("new")).ok());
    // The temporary file has no name yet, if the file system supports that.
    EXPECT_LE(count(), 2);
    AtomicFile moved = std::move(file).value();
    auto other = AtomicFile::create(path("g"));
    ASSERT_TRUE(other.ok());
    moved = std::move(other).value();
    EXPECT_LE(count(), 2);
  }
  EXPECT_EQ(get("f"), "old");
  EXPECT_EQ(count(), 1);
}

TEST_F(AtomicFileTest, AKilledProcessLeavesNothing) {
  put("f", "old");
  const FileDescriptor unnamed(::open(path(".").c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!unnamed.valid()) GTEST_SKIP() << "this file system has no files without a name";
  const pid_t child = ::fork();
  if (child == 0) {
    auto file = AtomicFile::create(path("f"));
    const bool written = file.ok() && file->write(bytes_of("new")).ok();
    if (written) ::kill(::getpid(), SIGKILL);
    ::_exit(1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(count(), 1);
  EXPECT_EQ(get("f"), "old");
}

TEST_F(AtomicFileTest, OverwritesWhatIsWritten) {
  auto file = AtomicFile::create(path("f"));
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE(file->write(bytes_of("abcdef")).ok());
  ASSERT_TRUE(file->overwrite(1, bytes_of("BC")).ok());
  EXPECT_EQ(file->overwrite(5, bytes_of("xy")).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(file->overwrite(UINT64_MAX, bytes_of("xy")).code(), StatusCode::kInvalidArgument);
  ASSERT_TRUE(file->write(bytes_of("g")).ok());
  ASSERT_TRUE(file->commit().ok());
  EXPECT_EQ(get("f"), "aBCdefg");
}

TEST_F(AtomicFileTest, KeepsLinksAndReplacesTheirTargets) {
  std::filesystem::create_directory(path("d"));
  put("d/target", "old");
  ASSERT_EQ(::symlink("d/middle", path("link").c_str()), 0);
  ASSERT_EQ(::symlink("target", path("d/middle").c_str()), 0);
  replace(path("link"), "new");
  EXPECT_TRUE(std::filesystem::is_symlink(path("link")));
  EXPECT_TRUE(std::filesystem::is_symlink(path("d/middle")));
  EXPECT_FALSE(std::filesystem::is_symlink(path("d/target")));
  EXPECT_EQ(get("d/target"), "new");

  ASSERT_EQ(::symlink("d/later", path("dangling").c_str()), 0);
  replace(path("dangling"), "made");
  EXPECT_TRUE(std::filesystem::is_symlink(path("dangling")));
  EXPECT_EQ(get("d/later"), "made");
}

TEST_F(AtomicFileTest, PermissionsFollowUmaskOrTheReplacedFile) {
  const mode_t mask = ::umask(0027);
  replace(path("new"), "x");
  ::umask(mask);
  EXPECT_EQ(permissions_of(path("new")), 0640U);
  put("private", "x");
  ASSERT_EQ(::chmod(path("private").c_str(), 0600), 0);
  replace(path("private"), "y");
  EXPECT_EQ(permissions_of(path("private")), 0600U);
}

/// Otherwise a crash would leave an empty file under the name, or the old one after commit()
/// returned.
TEST_F(AtomicFileTest, ContentsReachTheDiskBeforeTheNameAndTheNameBeforeCommitReturns) {
  put("f", "old");
  std::vector<std::string> events;
  on_fsync = [&](int descriptor) {
    struct stat facts = {};
    ASSERT_EQ(::fstat(descriptor, &facts), 0);
    const bool folder = S_ISDIR(facts.st_mode);
    events.push_back((folder ? "folder, " : std::to_string(facts.st_size) + " bytes, ") + get("f"));
  };
  replace(path("f"), "newer");
  on_fsync = nullptr;
  EXPECT_EQ(events, (std::vector<std::string>{"5 bytes, old", "folder, newer"}));
}

TEST_F(AtomicFileTest, MappingsOfTheOldFileStay) {
  put("f", "old");
  const auto mapped = MappedFile::open(path("f"));
  ASSERT_TRUE(mapped.ok());
  replace(path("f"), "new");
  EXPECT_EQ(static_cast<char>(mapped->bytes()[0]), 'o');
}

TEST_F(AtomicFileTest, WritesStraightIntoDevicesAndPipes) {
  replace("/dev/null", "x");
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));

  ASSERT_EQ(::mkfifo(path("fifo").c_str(), 0600), 0);
  const FileDescriptor reader(::open(path("fifo").c_str(), O_RDWR | O_CLOEXEC));
  auto file = AtomicFile::create(path("fifo"));
  ASSERT_TRUE(file.ok()) << file.status().message();
  ASSERT_TRUE(file->write(bytes_of("through")).ok());
  ASSERT_TRUE(file->commit().ok());
  char text[7];
  ASSERT_EQ(::read(reader.get(), text, sizeof text), 7);
  EXPECT_EQ(std::string(text, 7), "through");
  EXPECT_EQ(count(), 1);

  auto patched = AtomicFile::create(path("fifo"));
  ASSERT_TRUE(patched.ok());
  ASSERT_TRUE(patched->write(bytes_of("x")).ok());
  EXPECT_EQ(patched->overwrite(0, bytes_of("y")).message(),
            "cannot write '" + path("fifo") + "': Illegal seek");
}

TEST_F(AtomicFileTest, FullDiskFailsAndKeepsFailing) {
  auto file = AtomicFile::create("/dev/full");
  ASSERT_TRUE(file.ok()) << file.status().message();
  const std::string message = "cannot write '/dev/full': No space left on device";
  EXPECT_EQ(file->write(bytes_of("x")).message(), message);
  EXPECT_EQ(file->write({}).message(), message);
  EXPECT_EQ(file->commit().message(), message);

  auto device = AtomicFile::create("/dev/full");
  ASSERT_TRUE(device.ok());
  EXPECT_EQ(write_safetensors(*device, {}, {}, 64).message(), message);
}

TEST_F(AtomicFileTest, FailedRenameLeavesNothing) {
  auto file = AtomicFile::create(path("f"));
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE(file->write(bytes_of("x")).ok());
  std::filesystem::create_directory(path("f"));
  const Status status = file->commit();
  EXPECT_EQ(status.message(), "cannot write '" + path("f") + "': Is a directory");
  EXPECT_TRUE(std::filesystem::is_directory(path("f")));
  EXPECT_EQ(count(), 1);
}

TEST_F(AtomicFileTest, NamesPathAndReason) {
  put("file", "x");
  ASSERT_EQ(::symlink("loop", path("loop").c_str()), 0);
  struct Case {
    std::string path;
    std::string message;
  };
  const Case cases[] = {
      {path("none/f"), "cannot write '" + path("none/f") + "': folder '" + path("none") +
                           "': No such file or directory"},
      {path("file/f"), "cannot write '" + path("file/f") + "': Not a directory"},
      {path("new/"), "cannot write '" + path("new/") + "': it is a directory"},
      {folder_.string(), "cannot write '" + folder_.string() + "': it is a directory"},
      {path("loop"), "cannot write '" + path("loop") + "': Too many levels of symbolic links"},
      {path(std::string(300, 'n')), "File name too long"},
      {"/proc/lanewise", "cannot write '/proc/lanewise': folder '/proc': "},
      {"", "cannot write '': not a file name"},
      {path("file") + std::string("\0x", 2), "not a file name"},
  };
  for (const Case& c : cases) {
    const Status status = AtomicFile::create(c.path).status();
    EXPECT_FALSE(status.ok()) << c.path;
    EXPECT_NE(status.message().find(c.message), std::string::npos)
        << "expected: " << c.message << "\nfound:    " << status.message();
  }
  EXPECT_EQ(get("file"), "x");
  EXPECT_EQ(count(), 2);
}

TEST_F(AtomicFileTest, HoldsASafetensorsFile) {
  Tensor tensor(DataType::kF32, {3, 32});
  tensor.as<float>()[95] = 4.5F;
  const SafetensorsInput inputs[] = {{"w", tensor.view()}};
  {
    auto file = AtomicFile::create(path("m"));
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE(write_safetensors(*file, {{"k", "v"}}, inputs, 64).ok());
    ASSERT_TRUE(file->commit().ok());
  }
  const auto mapped = MappedFile::open(path("m"));
  ASSERT_TRUE(mapped.ok());
  const auto view = SafetensorsView::parse(mapped->bytes(), path("m"));
  ASSERT_TRUE(view.ok()) << view.status().message();
  const TensorView w = view->view(*view->find("w"));
  EXPECT_EQ(reinterpret_cast<uintptr_t>(w.data) % 64, 0U);
  EXPECT_EQ(w.as<float>()[95], 4.5F);
}

}  // namespace
}  // namespace lanewise::file
