#include "runtime/text/stop_filter.hpp"

#include <algorithm>

#include "lanewise/generation.hpp"

namespace lanewise {
namespace text {

size_t find_stop(std::string_view text, std::span<const std::string> stops) noexcept {
  size_t begin = std::string_view::npos;
  size_t end = std::string_view::npos;
  for (const std::string& stop : stops) {
    const size_t found = text.find(stop);
    if (found == std::string_view::npos) continue;
    const size_t its_end = found + stop.size();
    if (its_end < end || (its_end == end && found < begin)) {
      begin = found;
      end = its_end;
    }
  }
  return begin;
}

size_t open_stop(std::string_view text, std::span<const std::string> stops) noexcept {
  size_t longest = 0;
  for (const std::string_view stop : stops) {
    for (size_t length = std::min(text.size(), stop.size() - 1); length > longest; --length) {
      if (text.ends_with(stop.substr(0, length))) longest = length;
    }
  }
  return longest;
}

void StopFilter::append(std::string_view piece) {
  text_.erase(0, std::exchange(given_, 0));
  text_ += piece;
}

std::string_view StopFilter::add(std::string_view piece) {
  if (stopped_) return {};
  append(piece);
  const size_t stop = find_stop(text_, stops_);
  stopped_ = stop != std::string_view::npos;
  given_ = stopped_ ? stop : text_.size() - open_stop(text_, stops_);
  return std::string_view(text_).substr(0, given_);
}

std::string_view StopFilter::finish(std::string_view piece) {
  if (stopped_) return {};
  append(piece);
  stopped_ = true;
  return std::string_view(text_).substr(0, find_stop(text_, stops_));
}

}  // namespace text

std::string_view text_before_stop(std::string_view text,
                                  std::span<const std::string> stop_strings) noexcept {
  return text.substr(0, text::find_stop(text, stop_strings));
}

}  // namespace lanewise
