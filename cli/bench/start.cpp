#include "cli/bench/start.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "cli/bench/statistics.hpp"
#include "lanewise/messages.hpp"
#include "lanewise/status_macros.hpp"

namespace lanewise::cli {
namespace {

// The slowest of them takes a second for a model of 1 GB from a disk.
constexpr int kStarts = 5;

class OpenedFile {
 public:
  explicit OpenedFile(const std::string& path)
      : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    struct stat facts = {};
    if (descriptor_ >= 0 && ::fstat(descriptor_, &facts) == 0 && S_ISREG(facts.st_mode)) {
      bytes_ = static_cast<size_t>(facts.st_size);
    }
  }
  OpenedFile(const OpenedFile&) = delete;
  OpenedFile& operator=(const OpenedFile&) = delete;
  ~OpenedFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  bool is_readable() const { return descriptor_ >= 0; }
  size_t bytes() const { return bytes_; }

  /// Pages that are not yet on the disk stay, so they are written first.
  void drop_from_cache() const {
    ::fdatasync(descriptor_);
    ::posix_fadvise(descriptor_, 0, 0, POSIX_FADV_DONTNEED);
  }

  /// The fraction of its pages that are in memory.
  double cached_part() const {
    void* pages = ::mmap(nullptr, bytes_, PROT_READ, MAP_SHARED, descriptor_, 0);
    if (pages == MAP_FAILED) return 0.0;
    const auto page_bytes = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
    std::vector<unsigned char> present((bytes_ + page_bytes - 1) / page_bytes);
    const bool known = ::mincore(pages, bytes_, present.data()) == 0;
    ::munmap(pages, bytes_);
    if (!known || present.empty()) return 0.0;
    const auto count = std::count_if(present.begin(), present.end(),
                                     [](unsigned char page) { return (page & 1) != 0; });
    return static_cast<double>(count) / static_cast<double>(present.size());
  }

 private:
  int descriptor_;
  size_t bytes_ = 0;  // 0: not a file
};

}  // namespace

Result<StartTimes> measure_start(const std::string& path,
                                 const std::function<Result<StartTime>()>& start) {
  const OpenedFile file(path);
  if (!file.is_readable()) return os_error("open", path, errno);
  if (file.bytes() == 0) {
    return unsupported("--cold-start: " + in_quotes(path) + " is not a converted file");
  }
  std::vector<double> warm_loads, warm_runs, cold_loads, cold_runs;
  StartTimes times;
  LANEWISE_RETURN_IF_ERROR(start().status());  // the program's own pages, too, are in memory now
  for (int i = 0; i < kStarts; ++i) {
    LANEWISE_ASSIGN_OR_RETURN(const StartTime warm, start());
    warm_loads.push_back(warm.load_ms);
    warm_runs.push_back(warm.first_run_ms);
    file.drop_from_cache();
    times.kept_in_cache = std::max(times.kept_in_cache, file.cached_part());
    LANEWISE_ASSIGN_OR_RETURN(const StartTime cold, start());
    cold_loads.push_back(cold.load_ms);
    cold_runs.push_back(cold.first_run_ms);
  }
  times.warm_load_ms = median(std::move(warm_loads));
  times.warm_first_run_ms = median(std::move(warm_runs));
  times.cold_load_ms = median(std::move(cold_loads));
  times.cold_first_run_ms = median(std::move(cold_runs));
  return times;
}

}  // namespace lanewise::cli
