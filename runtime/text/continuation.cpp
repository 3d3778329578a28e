#include "runtime/text/continuation.hpp"

#include <algorithm>

#include "base/status_macros.hpp"
#include "lanewise/generation.hpp"

namespace lanewise::text {
namespace {

// What decoders emit for bytes that are not, or not yet, a character.
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

// Decoders look at neighbours only: at the bytes of a character, at the space before a word. The
// rest is for special tokens, which have no text.
constexpr size_t kContextTokens = 32;

}  // namespace

std::span<const int32_t> context_of(std::span<const int32_t> before) noexcept {
  return before.last(std::min(before.size(), kContextTokens));
}

size_t closed_length(std::string_view text) noexcept {
  while (text.ends_with(kReplacement)) text.remove_suffix(kReplacement.size());
  return text.size();
}

Result<Continuation> Continuation::create(const Tokenizer& tokenizer,
                                          std::span<const int32_t> before) {
  before = context_of(before);
  std::string prefix;
  if (!before.empty()) {
    LW_ASSIGN_OR_RETURN(prefix, tokenizer.decode(before, true));
    prefix.resize(closed_length(prefix));
  }
  return Continuation(tokenizer, {before.begin(), before.end()}, std::move(prefix));
}

Result<std::string> Continuation::text(std::span<const int32_t> ids, int32_t last) const {
  std::vector<int32_t> all(before_);
  all.insert(all.end(), ids.begin(), ids.end());
  if (last != kNoToken) all.push_back(last);
  LW_ASSIGN_OR_RETURN(std::string text, tokenizer_->decode(all, true));
  if (text.starts_with(prefix_)) {
    text.erase(0, prefix_.size());
    return text;
  }
  // Only a decoder that changes what stands before, as cleaning up spaces does, gives another.
  return tokenizer_->decode(std::span(all).subspan(before_.size()), true);
}

}  // namespace lanewise::text
