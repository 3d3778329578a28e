#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_fields.hpp"
#include "base/json_tree.hpp"
#include "lanewise/status.hpp"
#include "runtime/text/added_tokens.hpp"
#include "runtime/text/special_template.hpp"
#include "runtime/text/token_table.hpp"

namespace lanewise::text {

// The parts of a tokenizer.json that stand there alike for every kind of model.

/// The field `vocab` of a model as an object of ids by token.
Result<Vocabulary> read_vocabulary_object(const base::JsonFields& model);

/// One entry of added_tokens, without its id.
Result<AddedToken> added_token_from_json(const base::JsonFields& entry);
/// Appends the added tokens of `file`; nothing if it has none.
Status added_tokens_from_json(const base::JsonFields& file, std::vector<AddedToken>* tokens);
base::JsonTree added_tokens_to_json(const std::vector<AddedToken>& tokens);

/// The name of an id.
using TokenOf = std::function<std::string_view(int32_t id)>;

base::JsonTree template_to_json(const SpecialTemplate& specials, const TokenOf& token_of);

/// What every file begins with, for a writer to add the parts that it has.
base::JsonTree bare_tokenizer_json(const std::vector<AddedToken>& added_tokens);

}  // namespace lanewise::text
