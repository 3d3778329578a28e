#pragma once

#include <cstdint>
#include <string_view>

#include "lanewise/status.hpp"
#include "runtime/text/tokenizer.hpp"

namespace lanewise::tasks {

/// Whether the token `id` could name a language: a special token such as `__fr__`, `fr_XX` or
/// `fra_Latn`. Fails as decode() does.
Result<bool> is_language(const text::Tokenizer& tokenizer, int32_t id);

/// The token that asks a multilingual model for the language `name`: the special token `name`
/// (NLLB's `fra_Latn`), `__name__` (M2M100's `__fr__`), or the only one that begins with `name_`
/// (mBART's `fr_XX`). Special tokens of other kinds, such as `</s>`, are no languages.
///
/// Fails with kInvalidArgument, naming a few that there are, where there is none or several.
Result<int32_t> language_token(const text::Tokenizer& tokenizer, std::string_view name);

}  // namespace lanewise::tasks
