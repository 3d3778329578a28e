#include "runtime/decode/stop_strings.hpp"

#include <algorithm>

#include "base/status_macros.hpp"
#include "runtime/text/stop_filter.hpp"

namespace lanewise::decode {
namespace {

/// The id of the special token `text`, which texts of generated tokens do not show.
Result<std::optional<int32_t>> special_token(const text::Tokenizer& tokenizer,
                                             const std::string& text) {
  const std::optional<int32_t> id = tokenizer.id(text);
  if (!id) return id;
  LW_ASSIGN_OR_RETURN(const std::string shown, tokenizer.decode({&*id, 1}, true));
  LW_ASSIGN_OR_RETURN(const std::string whole, tokenizer.decode({&*id, 1}, false));
  return shown.empty() && whole == text ? id : std::nullopt;
}

}  // namespace

Result<StopStrings> StopStrings::create(const std::vector<std::string>& strings,
                                        const text::Tokenizer& tokenizer,
                                        std::span<const int32_t> before) {
  LW_ASSIGN_OR_RETURN(text::Continuation continuation,
                      text::Continuation::create(tokenizer, before));
  StopStrings stops(strings, std::move(continuation));
  for (const std::string& text : strings) {
    LW_ASSIGN_OR_RETURN(const std::optional<int32_t> id, special_token(tokenizer, text));
    if (id) stops.tokens_.push_back(*id);
  }
  return stops;
}

bool StopStrings::ends(std::span<const int32_t> ids, int32_t token) {
  if (std::ranges::find(tokens_, token) != tokens_.end()) return true;
  const Result<std::string> text = continuation_.text(ids, token);
  if (!text.ok()) status_ = text.status();
  return text.ok() && text::find_stop(*text, *strings_) != std::string::npos;
}

}  // namespace lanewise::decode
