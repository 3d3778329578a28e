#include "runtime/tasks/text_stream.hpp"

#include <algorithm>

#include "runtime/text/decoders/clean_up_decoder.hpp"

namespace lanewise::tasks {
namespace {

// What decoders write for bytes that are no character, or not yet.
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

/// Whether the next token may change the end of this text.
bool is_open(std::string_view text) {
  return text.ends_with(kReplacement) ||
         std::ranges::any_of(text::kCleanUpMayFollow,
                             [&](std::string_view end) { return text.ends_with(end); });
}

}  // namespace

std::string_view TextStream::add(int32_t token) {
  ids_.push_back(token);
  Result<std::string> text = tokenizer_->decode(ids_, true);
  if (!text.ok() || is_open(*text)) return {};
  return grow_to(std::move(*text));
}

std::string_view TextStream::finish() {
  Result<std::string> text = tokenizer_->decode(ids_, true);
  return text.ok() ? grow_to(std::move(*text)) : std::string_view();
}

std::string_view TextStream::grow_to(std::string text) {
  if (!text.starts_with(std::string_view(text_).substr(0, given_))) return {};
  text_ = std::move(text);
  const size_t begin = given_;
  given_ = text_.size();
  return std::string_view(text_).substr(begin);
}

}  // namespace lanewise::tasks
