#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lanewise::text {

/// Where the first of `stops` begins in `text`: the one that ends first, and of those that end
/// together the longest. npos if there is none. How the text was cut into tokens does not matter.
size_t find_stop(std::string_view text, std::span<const std::string> stops) noexcept;

/// The length of the longest end of `text` that is the beginning of one of `stops`, and not all of
/// it.
size_t open_stop(std::string_view text, std::span<const std::string> stops) noexcept;

/// Ends a text that arrives in pieces before the first of some strings. What may be the beginning of
/// one is held back until the next piece.
class StopFilter {
 public:
  explicit StopFilter(std::vector<std::string> stops) : stops_(std::move(stops)) {}

  /// The text that is final with `piece`; valid until the next call. Changes nothing if memory runs
  /// out.
  std::string_view add(std::string_view piece);
  /// The same for the last piece: nothing is held back.
  std::string_view finish(std::string_view piece);

 private:
  void append(std::string_view piece);

  std::vector<std::string> stops_;
  std::string text_;  // given pieces, then held ones
  size_t given_ = 0;  // bytes of text_
  bool stopped_ = false;
};

}  // namespace lanewise::text
