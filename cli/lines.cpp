#include "cli/lines.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "cli/interrupt.hpp"
#include "lanewise/messages.hpp"
#include "lanewise/status_macros.hpp"

namespace lanewise::cli {
namespace {

constexpr size_t kLineBytes = 256 * 1024;

}  // namespace

Result<LineReader> LineReader::open(const std::string& path) {
  const bool is_stdin = path == "-";
  const std::string name = is_stdin ? "standard input" : path;
  File owned;
  int descriptor = STDIN_FILENO;
  if (!is_stdin) {
    descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (descriptor < 0) return os_error("read", path, errno);
    owned.reset(::fdopen(descriptor, "r"));
    if (owned == nullptr) {
      const int error = errno;
      ::close(descriptor);
      return os_error("read", path, error);
    }
  }
  struct stat facts = {};
  if (::fstat(descriptor, &facts) != 0) return os_error("read", name, errno);
  if (S_ISDIR(facts.st_mode)) return os_error("read", name, EISDIR);
  const int64_t size = S_ISREG(facts.st_mode) ? facts.st_size : 0;
  return LineReader(name, std::move(owned), descriptor, size);
}

Result<std::string> LineReader::read_all(const std::string& path) {
  LANEWISE_ASSIGN_OR_RETURN(LineReader reader, open(path));
  while (!reader.at_end_) LANEWISE_RETURN_IF_ERROR(reader.read_more());
  return std::move(reader.buffer_);
}

Result<std::span<const std::string_view>> LineReader::next(size_t most_lines, size_t most_bytes) {
  lines_before_ += static_cast<int64_t>(lines_.size());
  bytes_before_ = bytes_given();
  buffer_.erase(0, line_begin_);
  searched_ -= line_begin_;
  line_begin_ = 0;
  ranges_.clear();
  while (true) {
    split(most_lines);
    if (ranges_.size() >= most_lines || line_begin_ >= most_bytes || at_end_) break;
    if (!ranges_.empty() && !more_is_ready()) break;
    LANEWISE_RETURN_IF_ERROR(read_more());
  }
  lines_.clear();
  for (const auto& [begin, end] : ranges_) {
    lines_.emplace_back(buffer_.data() + begin, end - begin);
  }
  return std::span<const std::string_view>(lines_);
}

void LineReader::split(size_t most_lines) {
  while (ranges_.size() < most_lines) {
    const size_t end = buffer_.find('\n', searched_);
    if (end == std::string::npos) break;
    const bool carriage_return = end > line_begin_ && buffer_[end - 1] == '\r';
    ranges_.emplace_back(line_begin_, end - (carriage_return ? 1 : 0));
    line_begin_ = searched_ = end + 1;
  }
  if (ranges_.size() >= most_lines) return;
  searched_ = buffer_.size();
  if (at_end_ && line_begin_ < buffer_.size()) {
    ranges_.emplace_back(line_begin_, buffer_.size());
    line_begin_ = buffer_.size();
  }
}

Status LineReader::read_more() {
  if (buffer_.size() - line_begin_ > kMostLineBytes) {
    return invalid_argument(in_quotes(name_) + ": a line or text of more than " +
                            std::to_string(kMostLineBytes >> 20) + " MiB");
  }
  const size_t size = buffer_.size();
  buffer_.resize(size + kLineBytes);
  ssize_t count = 0;
  do {
    if (interrupted()) return cancelled("interrupted");
    count = ::read(descriptor_, buffer_.data() + size, kLineBytes);
  } while (count < 0 && errno == EINTR);
  const int error = errno;
  buffer_.resize(size + static_cast<size_t>(std::max<ssize_t>(count, 0)));
  if (count < 0) return os_error("read", name_, error);
  bytes_read_ += count;
  at_end_ = count == 0;
  return {};
}

bool LineReader::more_is_ready() const noexcept {
  struct pollfd event = {descriptor_, POLLIN, 0};
  return ::poll(&event, 1, 0) != 0;  // read_more() reports an error
}

Status LineReader::skip(int64_t lines, int64_t bytes) {
  if (::lseek(descriptor_, bytes, SEEK_SET) < 0) return os_error("read", name_, errno);
  lines_before_ = lines;
  bytes_before_ = bytes_read_ = bytes;
  return {};
}

double LineReader::part_before(int64_t index) const noexcept {
  if (size_ == 0) return 0.0;
  const double part =
      lines_.empty() ? 1.0 : static_cast<double>(index) / static_cast<double>(lines_.size());
  const auto before = static_cast<double>(bytes_before_);
  const double bytes = before + part * (static_cast<double>(bytes_given()) - before);
  return std::min(1.0, bytes / static_cast<double>(size_));
}

}  // namespace lanewise::cli
