#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "lanewise/status.hpp"
#include "runtime/text/added_tokens.hpp"
#include "runtime/text/json_fields.hpp"
#include "runtime/text/special_template.hpp"
#include "runtime/text/token_table.hpp"
#include "runtime/text/tokenizer.hpp"

namespace lanewise::text {

// The parts of a tokenizer.json that stand there alike for every kind of model.

/// kUnsupported: "`part` '`type`' is not supported for a `model` model, only `known`".
Status unsupported_part(const std::string& part, const std::string& type, const std::string& model,
                        const std::string& known);

/// The field `vocab` of a model as an object of ids by token.
Result<Vocabulary> read_vocabulary_object(const JsonFields& model);
nlohmann::json vocabulary_to_json(const Vocabulary& vocabulary);

/// One entry of added_tokens, without its id.
Result<AddedToken> added_token_from_json(const JsonFields& entry);
/// Appends the added tokens of `file`; nothing if it has none.
Status added_tokens_from_json(const JsonFields& file, std::vector<AddedToken>* tokens);
nlohmann::json added_tokens_to_json(const std::vector<AddedToken>& tokens);

/// The special tokens around a text. kUnsupported for a post_processor that trims offsets as well.
Result<SpecialTemplate> read_post_processor(const JsonFields& file);
/// `tokenizer` knows the names of the ids.
nlohmann::json template_to_json(const SpecialTemplate& specials, const Tokenizer& tokenizer);

/// What every file begins with, for a writer to add the parts that it has.
nlohmann::json bare_tokenizer_json(const std::vector<AddedToken>& added_tokens);

}  // namespace lanewise::text
