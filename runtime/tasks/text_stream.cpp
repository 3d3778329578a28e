#include "runtime/tasks/text_stream.hpp"

#include <algorithm>

#include "base/status_macros.hpp"
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

/// The length of `text` without the bytes at its end that are no character yet.
size_t closed_length(std::string_view text) {
  while (text.ends_with(kReplacement)) text.remove_suffix(kReplacement.size());
  return text.size();
}

}  // namespace

Status TextStream::start_after(std::span<const int32_t> before) {
  LW_ASSIGN_OR_RETURN(text_, tokenizer_->decode(before, true));
  ids_.assign(before.begin(), before.end());
  given_ = closed_length(text_);
  return {};
}

Result<std::string_view> TextStream::add(int32_t token) {
  ids_.push_back(token);
  Result<std::string> text = tokenizer_->decode(ids_, true);
  if (!text.ok()) {
    ids_.pop_back();
    return text.status();
  }
  if (is_open(*text)) return std::string_view();
  return grow_to(std::move(*text));
}

Result<std::string_view> TextStream::finish() {
  LW_ASSIGN_OR_RETURN(std::string text, tokenizer_->decode(ids_, true));
  return grow_to(std::move(text));
}

std::string_view TextStream::grow_to(std::string text) {
  if (!text.starts_with(std::string_view(text_).substr(0, given_))) return {};
  text_ = std::move(text);
  const size_t begin = given_;
  given_ = text_.size();
  return std::string_view(text_).substr(begin);
}

Result<std::string> text_after(const text::Tokenizer& tokenizer, std::span<const int32_t> before,
                               std::span<const int32_t> ids) {
  if (before.empty()) return tokenizer.decode(ids, true);
  LW_ASSIGN_OR_RETURN(std::string prefix, tokenizer.decode(before, true));
  prefix.resize(closed_length(prefix));
  std::vector<int32_t> all(before.begin(), before.end());
  all.insert(all.end(), ids.begin(), ids.end());
  LW_ASSIGN_OR_RETURN(std::string text, tokenizer.decode(all, true));
  // Only a decoder that changes what stands before, as cleaning up spaces does, gives another.
  if (!text.starts_with(prefix)) return tokenizer.decode(ids, true);
  text.erase(0, prefix.size());
  return text;
}

}  // namespace lanewise::tasks
