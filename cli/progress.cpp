#include "cli/progress.hpp"

#include <unistd.h>

#include <fmt/format.h>

#include "cli/progress_text.hpp"

namespace lanewise::cli {
namespace {

// Back to the start of the line, and clear it.
constexpr std::string_view kWipe = "\r\x1b[K";

void put(std::string_view text) {
  // Failing to write to a terminal is no reason to stop.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace

bool Progress::is_due() {
  const Clock::time_point now = Clock::now();
  if (!enabled_ || now < next_) return false;
  next_ = now + std::chrono::milliseconds(200);
  return true;
}

void Progress::put_line(const std::string& text) {
  put(fmt::format("{}{}", kWipe, text));
  shown_ = true;
}

void Progress::begin_at(int64_t texts, double part) {
  texts_before_ = texts;
  part_before_ = part;
}

void Progress::update(int64_t texts, double part) {
  if (!is_due()) return;
  const double seconds = std::chrono::duration<double>(Clock::now() - begin_).count();
  put_line(progress_text(texts, texts_before_, part, part_before_, seconds));
}

void Progress::wipe() {
  if (shown_) put(kWipe);
  shown_ = false;
}

}  // namespace lanewise::cli
