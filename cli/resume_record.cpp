#include "cli/resume_record.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/digest.hpp"
#include "cli/lines.hpp"
#include "cli/output_options.hpp"
#include "lanewise/messages.hpp"
#include "lanewise/status_macros.hpp"

namespace lanewise::cli {
namespace {

constexpr std::string_view kFirstBytes = "{\"lanewise\":";

/// The checksum of an entry is that of the results and of its numbers.
std::string line_of(const Checkpoint& at, const std::string& digest) {
  return fmt::format(
      "{{\"texts\":{},\"input_bytes\":{},\"output_bytes\":{},\"truncated\":{},\"left_out\":{},"
      "\"digest\":\"{}\"",
      at.texts, at.input_bytes, at.output_bytes, at.truncated, at.left_out, digest);
}

std::string sealed(const std::string& line) {
  Digest digest;
  digest.add(line);
  return line + ",\"line\":\"" + digest.text() + "\"}\n";
}

/// Nothing for a line that this program did not write, or not to its end.
std::optional<ResumeRecord::Entry> parse_entry(std::string_view line) {
  const auto json = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return std::nullopt;
  const auto number = [&](const char* name) {
    const auto found = json.find(name);
    return found != json.end() && found->is_number_integer() ? found->get<int64_t>() : -1;
  };
  const auto digest = json.find("digest");
  if (digest == json.end() || !digest->is_string()) return std::nullopt;
  ResumeRecord::Entry entry{.at = Checkpoint{.texts = number("texts"),
                                             .input_bytes = number("input_bytes"),
                                             .output_bytes = number("output_bytes"),
                                             .truncated = number("truncated"),
                                             .left_out = number("left_out")},
                            .digest = digest->get<std::string>(),
                            .end_of_line = 0};
  if (sealed(line_of(entry.at, entry.digest)) != std::string(line) + "\n") return std::nullopt;
  return entry;
}

}  // namespace

Result<ResumeRecord> ResumeRecord::open(const std::string& path, const std::string& run) {
  Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666));
  if (!file.valid()) return os_error("write", path, errno);
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return os_error("lock", path, errno);
    return invalid_argument(in_quotes(path) + ": another process is at work on this output");
  }
  ResumeRecord record(path, std::move(file));
  LANEWISE_RETURN_IF_ERROR(record.read(run).with_context(in_quotes(path)));
  return record;
}

Status ResumeRecord::read(const std::string& run) {
  LANEWISE_ASSIGN_OR_RETURN(const std::string text, LineReader::read_all(path_));
  const size_t first = text.find('\n');
  // A process that was killed here has done nothing yet.
  if (first == std::string::npos && (run + "\n").starts_with(text)) return begin(run);
  if (first == std::string::npos || !text.starts_with(kFirstBytes)) {
    return invalid_argument("is not the record of a run");
  }
  LANEWISE_RETURN_IF_ERROR(compare_runs(text.substr(0, first), run));
  size_t at = first + 1;
  begin_ = static_cast<int64_t>(at);
  for (size_t end = text.find('\n', at); end != std::string::npos; end = text.find('\n', at)) {
    std::optional<Entry> entry = parse_entry(std::string_view(text).substr(at, end - at));
    if (!entry) break;
    at = end + 1;
    entry->end_of_line = static_cast<int64_t>(at);
    entries_.push_back(*std::move(entry));
  }
  return {};
}

Status ResumeRecord::begin(const std::string& run) {
  is_new_ = true;
  if (::ftruncate(file_.get(), 0) != 0) return os_error("write", path_, errno);
  begin_ = static_cast<int64_t>(run.size()) + 1;
  return write(run + "\n");
}

Status ResumeRecord::keep(size_t count) {
  entries_.resize(std::min(count, entries_.size()));
  const int64_t end = entries_.empty() ? begin_ : entries_.back().end_of_line;
  if (::ftruncate(file_.get(), end) != 0) return os_error("write", path_, errno);
  return {};
}

Status ResumeRecord::add(const Checkpoint& checkpoint, const std::string& digest) {
  const std::string line = sealed(line_of(checkpoint, digest));
  const int64_t begin = entries_.empty() ? begin_ : entries_.back().end_of_line;
  LANEWISE_RETURN_IF_ERROR(write(line));
  // Only its end is needed from now on: memory stays constant.
  entries_.assign(1, Entry{checkpoint, digest, begin + static_cast<int64_t>(line.size())});
  return {};
}

Status ResumeRecord::write(std::string_view line) {
  if (::lseek(file_.get(), 0, SEEK_END) < 0) return os_error("write", path_, errno);
  if (const int error = write_all(file_.get(), line)) return os_error("write", path_, error);
  if (::fdatasync(file_.get()) != 0) return os_error("write", path_, errno);
  return {};
}

void ResumeRecord::remove() { ::unlink(path_.c_str()); }

}  // namespace lanewise::cli
