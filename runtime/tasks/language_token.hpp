#pragma once

#include <cstdint>
#include <string_view>

#include "lanewise/status.hpp"
#include "runtime/text/tokenizer.hpp"

namespace lanewise::tasks {

/// Returns whether the token `id` may denote a language: a special token such as `__fr__`, `fr_XX`
/// or `fra_Latn`. Fails as decode() does.
Result<bool> is_language(const text::Tokenizer& tokenizer, int32_t id);

/// Returns the token of the language `name` in a multilingual model: the special token `name`
/// (NLLB's `fra_Latn`), `__name__` (M2M100's `__fr__`), or the only one that starts with `name_`
/// (mBART's `fr_XX`). Other special tokens, such as `</s>`, are not languages.
///
/// Fails with kInvalidArgument if no token or more than one matches; the message lists some.
Result<int32_t> language_token(const text::Tokenizer& tokenizer, std::string_view name);

}  // namespace lanewise::tasks
