#include "cli/partial_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <system_error>

#include <fmt/format.h>

#include "cli/shell.hpp"
#include "lanewise/messages.hpp"
#include "lanewise/status_macros.hpp"

namespace lanewise::cli {
namespace {

// Waiting for the disk takes at most a twentieth of the time.
constexpr int kTimesTheWait = 20;

/// What a link points to is replaced, not the link.
std::string behind_links(const std::string& path) {
  std::error_code error;
  const std::filesystem::path target = std::filesystem::canonical(path, error);
  return error ? path : target.string();
}

/// Makes new names in the folder durable, where the file system can.
void sync_folder_of(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  const Descriptor directory(
      ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.valid()) static_cast<void>(::fsync(directory.get()));
}

}  // namespace

Result<PartialFile> PartialFile::open(const std::string& path, const std::string& run,
                                      const std::string& header) {
  const std::string target = behind_links(path);
  LANEWISE_ASSIGN_OR_RETURN(ResumeRecord record, ResumeRecord::open(target + ".resume", run));
  PartialFile file(target, std::move(record), static_cast<int64_t>(header.size()));
  LANEWISE_RETURN_IF_ERROR(file.take_up(header));
  return file;
}

Status PartialFile::take_up(const std::string& header) {
  const bool exists = ::access(part_.c_str(), F_OK) == 0;
  if (exists && record_.is_new()) {
    record_.remove();
    return invalid_argument(in_quotes(part_) + " is there, without a record of its run: delete it");
  }
  if (!exists) {
    LANEWISE_ASSIGN_OR_RETURN(const bool committed, is_committed());
    if (committed) {
      done_ = reached_ = record_.entries().back().at;
      return {};
    }
  }
  file_ = Descriptor(::open(part_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666));
  if (!file_.valid()) return os_error("write", part_, errno);
  sync_folder_of(part_);
  LANEWISE_ASSIGN_OR_RETURN(const size_t intact, entries_in(file_, part_));
  if (intact < record_.entries().size()) {
    print_warning(fmt::format("{}: damaged; results behind text {} are computed again",
                              in_quotes(part_),
                              intact == 0 ? 0 : record_.entries()[intact - 1].at.texts));
  }
  return cut(intact, header);
}

/// Whether the process was ended after the file got its name, before the record was removed.
Result<bool> PartialFile::is_committed() {
  if (record_.entries().empty()) return false;
  const Descriptor file(::open(target_.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  struct stat facts = {};
  if (!file.valid() || ::fstat(file.get(), &facts) != 0) return false;
  if (facts.st_size != header_bytes_ + record_.entries().back().at.output_bytes) return false;
  LANEWISE_ASSIGN_OR_RETURN(const size_t intact, entries_in(file, target_));
  return intact == record_.entries().size();
}

/// How many of the entries agree with the results in `file`.
Result<size_t> PartialFile::entries_in(const Descriptor& file, const std::string& path) {
  if (::lseek(file.get(), header_bytes_, SEEK_SET) < 0) return os_error("read", path, errno);
  size_t count = 0;
  int64_t begin = 0;
  for (const ResumeRecord::Entry& entry : record_.entries()) {
    Digest digest;
    const int64_t bytes = entry.at.output_bytes - begin;
    if (bytes < 0) break;
    LANEWISE_ASSIGN_OR_RETURN(const bool whole, add_from(file.get(), path, bytes, digest));
    if (!whole || digest.text() != entry.digest) break;
    begin = entry.at.output_bytes;
    ++count;
  }
  return count;
}

Status PartialFile::cut(size_t entries, const std::string& header) {
  LANEWISE_RETURN_IF_ERROR(record_.keep(entries));
  if (entries > 0) done_ = reached_ = record_.entries().back().at;
  recorded_texts_ = done_.texts;
  bytes_ = done_.output_bytes;
  const int64_t end = header_bytes_ + bytes_;
  if (::ftruncate(file_.get(), entries > 0 ? end : 0) != 0) return os_error("write", part_, errno);
  if (::lseek(file_.get(), 0, SEEK_SET) < 0) return os_error("write", part_, errno);
  if (const int error = write_all(file_.get(), header)) return os_error("write", part_, error);
  if (::lseek(file_.get(), end, SEEK_SET) < 0) return os_error("write", part_, errno);
  return {};
}

Status PartialFile::write(std::string_view bytes) {
  if (const int error = write_all(file_.get(), bytes)) return os_error("write", part_, error);
  digest_.add(bytes);
  bytes_ += static_cast<int64_t>(bytes.size());
  return {};
}

Status PartialFile::reach(Checkpoint checkpoint) {
  checkpoint.output_bytes = bytes_;
  reached_ = checkpoint;
  reached_digest_ = digest_;
  return Clock::now() < next_entry_ ? Status() : record_reached();
}

Status PartialFile::record_reached() {
  const Clock::time_point begin = Clock::now();
  // The record must not be ahead of the results.
  if (::fdatasync(file_.get()) != 0) return os_error("write", part_, errno);
  LANEWISE_RETURN_IF_ERROR(record_.add(reached_, reached_digest_.text()));
  digest_ = reached_digest_ = Digest();
  recorded_texts_ = reached_.texts;
  const Clock::time_point end = Clock::now();
  next_entry_ = end + kTimesTheWait * (end - begin);
  return {};
}

int64_t PartialFile::leave() {
  // The reason for ending, such as a full disk, is reported in any case.
  if (reached_.texts > recorded_texts_) static_cast<void>(record_reached());
  return recorded_texts_;
}

Status PartialFile::commit(std::string_view header) {
  if (!file_.valid()) {
    record_.remove();
    return {};
  }
  LANEWISE_RETURN_IF_ERROR(record_reached());
  if (::lseek(file_.get(), 0, SEEK_SET) < 0) return os_error("write", part_, errno);
  if (const int error = write_all(file_.get(), header)) return os_error("write", part_, error);
  struct stat replaced = {};
  // Best effort: file systems without permissions refuse it.
  if (::stat(target_.c_str(), &replaced) == 0) {
    static_cast<void>(::fchmod(file_.get(), replaced.st_mode & 0777));
  }
  if (::fsync(file_.get()) != 0) return os_error("write", part_, errno);
  if (std::rename(part_.c_str(), target_.c_str()) != 0) return os_error("write", target_, errno);
  sync_folder_of(target_);
  record_.remove();
  return {};
}

}  // namespace lanewise::cli
