#include "converters/families/special_tokens.hpp"

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/tokenizers/companions.hpp"
#include "converters/tokenizers/folder_tokenizer.hpp"
#include "converters/tokenizers/tokenizer_classes.hpp"

namespace lanewise::converters {

Result<std::string> special_token(const FamilyInput& input, std::string_view setting) {
  LW_ASSIGN_OR_RETURN(const Companions companions,
                      read_companions(input.folder, input.subfolder, input.config));
  std::string_view usual;
  for (const ClassToken& token : class_tokens(companions.tokenizer_class)) {
    if (token.setting == setting) usual = token.content;
  }
  return companions.token_name(setting, usual);
}

Result<std::shared_ptr<const text::Tokenizer>> tokenizer_of(const FamilyInput& input,
                                                            const FamilyModel& model) {
  std::string json = model.tokenizer;
  if (json.empty()) {
    LW_ASSIGN_OR_RETURN(json, folder_tokenizer_text(input.folder, input.subfolder, input.config));
  }
  if (json.empty()) return std::shared_ptr<const text::Tokenizer>();
  Result<std::shared_ptr<const text::Tokenizer>> tokenizer = text::parse_tokenizer(json);
  if (!tokenizer.ok()) {
    return tokenizer.status().with_context(base::in_quotes(input.folder.root()) + ": tokenizer");
  }
  return tokenizer;
}

}  // namespace lanewise::converters
