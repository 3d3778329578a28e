#include "cli/shell.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>
#include <utility>

#include "cli/descriptor.hpp"
#include "lanewise/files.hpp"
#include "lanewise/messages.hpp"
#include "lanewise/status_macros.hpp"

namespace lanewise::cli {
namespace {

// The usual capacity of a pipe.
constexpr size_t kBufferBytes = 64 * 1024;

bool is_set(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' && std::string_view(value) != "0";
}

}  // namespace

int write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(descriptor, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno;
    text.remove_prefix(static_cast<size_t>(count));
  }
  return 0;
}

Status Output::write(std::string_view text) {
  buffer_ += text;
  return buffer_.size() < kBufferBytes ? Status() : flush();
}

Status Output::line(std::string_view text) {
  buffer_ += text;
  return write("\n");
}

Status Output::flush() {
  const int error = write_all(STDOUT_FILENO, buffer_);
  buffer_.clear();
  if (error == EPIPE) reader_gone_ = true;
  if (error == 0) return {};
  return io_error("cannot write standard output: " + std::generic_category().message(error));
}

void Shell::note(std::string_view text) const {
  if (!common.quiet) print_on_stderr(text);
}

bool Shell::shows_progress() const noexcept { return !common.quiet && ::isatty(STDERR_FILENO); }

SessionOptions Shell::session_options(std::vector<std::string> outputs) const {
  SessionOptions options;
  options.threads = common.threads;
  options.isa = common.isa;
  options.fast = common.fast;
  options.outputs = std::move(outputs);
  if (is_set("LANEWISE_VERBOSE")) options.log = print_on_stderr;
  return options;
}

void print_on_stderr(std::string_view line) {
  std::string clean;
  for (const char c : line) clean += (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) ? '?' : c;
  clean += '\n';
  static_cast<void>(write_all(STDERR_FILENO, clean));
}

void print_error(std::string_view message) {
  print_on_stderr("lanewise: error: " + std::string(message));
}

void print_warning(std::string_view message) {
  print_on_stderr("lanewise: warning: " + std::string(message));
}

Status check_writable(const std::string& path) {
  struct stat facts = {};
  const bool special =
      ::stat(path.c_str(), &facts) == 0 && !S_ISREG(facts.st_mode) && !S_ISDIR(facts.st_mode);
  // Opening a pipe would wait for its reader.
  if (special) return ::access(path.c_str(), W_OK) == 0 ? Status() : os_error("write", path, errno);
  return AtomicFile::create(path).status();
}

}  // namespace lanewise::cli
