#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "converters/families/family.hpp"
#include "lanewise/status.hpp"
#include "runtime/text/tokenizer.hpp"

namespace lanewise::converters {

/// The name of the token that a setting such as `mask_token` names, in the tokenizer's files or by
/// its class; empty if there is none. Fails as read_companions() does.
Result<std::string> special_token(const FamilyInput& input, std::string_view setting);

/// The tokenizer of `model`, to which read_hf_tokenizers() has been applied; null if it has none.
/// Fails as folder_tokenizer_text() and text::parse_tokenizer() do.
Result<std::shared_ptr<const text::Tokenizer>> tokenizer_of(const FamilyInput& input,
                                                            const FamilyModel& model);

}  // namespace lanewise::converters
