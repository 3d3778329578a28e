#include "cli/progress.hpp"

#include <unistd.h>

#include <fmt/format.h>

namespace lanewise::cli {
namespace {

// Back to the start of the line, and clear it.
constexpr std::string_view kWipe = "\r\x1b[K";

void put(std::string_view text) {
  // Failing to write to a terminal is no reason to stop.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace

void Progress::update(int64_t texts, double part) {
  const Clock::time_point now = Clock::now();
  if (!enabled_ || now < next_) return;
  next_ = now + std::chrono::milliseconds(200);
  const double seconds = std::chrono::duration<double>(now - begin_).count();
  const double rate = static_cast<double>(texts) / seconds;
  std::string text = fmt::format("{}{} texts, {:.0f} a second", kWipe, texts, rate);
  if (part > 0.0) text += fmt::format(", {:.0f} %", 100.0 * part);
  put(text);
  shown_ = true;
}

void Progress::wipe() {
  if (shown_) put(kWipe);
  shown_ = false;
}

}  // namespace lanewise::cli
