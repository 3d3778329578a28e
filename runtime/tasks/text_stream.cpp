#include "runtime/tasks/text_stream.hpp"

#include <algorithm>

#include "base/status_macros.hpp"
#include "lanewise/generation.hpp"
#include "runtime/text/continuation.hpp"
#include "runtime/text/decoders/clean_up_decoder.hpp"

namespace lanewise::tasks {
namespace {

// What decoders emit for bytes that are not, or not yet, a character.
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

/// Whether the next token may change the end of this text.
bool is_open(std::string_view text) {
  return text.ends_with(kReplacement) ||
         std::ranges::any_of(text::kCleanUpMayFollow,
                             [&](std::string_view end) { return text.ends_with(end); });
}

}  // namespace

Status TextStream::start_after(std::span<const int32_t> before) {
  before = text::context_of(before);
  LW_ASSIGN_OR_RETURN(text_, tokenizer_->decode(before, true));
  ids_.assign(before.begin(), before.end());
  given_ = text::closed_length(text_);
  return {};
}

Result<std::string_view> TextStream::add(int32_t token) {
  ids_.push_back(token);
  try {
    Result<std::string> text = tokenizer_->decode(ids_, true);
    if (text.ok()) {
      if (is_open(*text)) return std::string_view();
      const std::string_view piece = filter_.add(added_by(*text));
      grow_to(std::move(*text));
      return piece;
    }
    ids_.pop_back();
    return text.status();
  } catch (...) {
    // Memory ran out, and the caller may try again.
    ids_.pop_back();
    throw;
  }
}

Result<std::string_view> TextStream::finish() {
  LW_ASSIGN_OR_RETURN(std::string text, tokenizer_->decode(ids_, true));
  const std::string_view piece = filter_.finish(added_by(text));
  grow_to(std::move(text));
  return piece;
}

std::string_view TextStream::added_by(const std::string& text) const {
  if (!text.starts_with(std::string_view(text_).substr(0, given_))) return {};
  return std::string_view(text).substr(given_);
}

void TextStream::grow_to(std::string text) noexcept {
  if (!text.starts_with(std::string_view(text_).substr(0, given_))) return;
  text_ = std::move(text);
  given_ = text_.size();
}

Result<std::string> text_after(const text::Tokenizer& tokenizer, std::span<const int32_t> before,
                               std::span<const int32_t> ids) {
  LW_ASSIGN_OR_RETURN(const text::Continuation continuation,
                      text::Continuation::create(tokenizer, before));
  return continuation.text(ids, kNoToken);
}

}  // namespace lanewise::tasks
