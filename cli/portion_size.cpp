#include "cli/portion_size.hpp"

#include <algorithm>

namespace lanewise::cli {
namespace {

constexpr std::chrono::duration<double> kPortionTime{5.0};
// Enough to fill batches.
constexpr size_t kFewTexts = 64;

}  // namespace

void PortionSize::keep_short() noexcept {
  short_ = true;
  size_ = std::min(most_, kFewTexts);
}

size_t PortionSize::next() noexcept {
  if (!short_) return size_;
  const Clock::time_point now = Clock::now();
  if (begin_ != Clock::time_point{}) {
    const std::chrono::duration<double> took = now - begin_;
    if (took < kPortionTime / 4) size_ = std::min(most_, size_ * 2);
    if (took > kPortionTime) size_ = std::max(std::min(most_, kFewTexts), size_ / 2);
  }
  begin_ = now;
  return size_;
}

}  // namespace lanewise::cli
