#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "cli/shell.hpp"

namespace lanewise::cli {

/// A progress line on stderr if that is a terminal; otherwise silent. Appears after a second and is
/// removed at the end.
class Progress {
 public:
  explicit Progress(const Shell& shell) : enabled_(shell.shows_progress()) {}
  ~Progress() { wipe(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// What earlier runs have done counts for no rate.
  void begin_at(int64_t texts, double part);
  /// part   fraction done, 0 to 1; 0: unknown
  void update(int64_t texts, double part);
  /// Shows what `text` returns, which is called only when the line is due.
  template <typename Text>
  void show(const Text& text) {
    if (is_due()) put_line(text());
  }
  void wipe();

 private:
  using Clock = std::chrono::steady_clock;

  /// Whether a line is to be printed now; the next one is due later.
  bool is_due();
  void put_line(const std::string& text);

  bool enabled_;
  bool shown_ = false;
  int64_t texts_before_ = 0;
  double part_before_ = 0.0;
  Clock::time_point begin_ = Clock::now();
  Clock::time_point next_ = begin_ + std::chrono::seconds(1);
};

}  // namespace lanewise::cli
