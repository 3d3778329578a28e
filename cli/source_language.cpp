#include "cli/source_language.hpp"

namespace lanewise::cli {

void SourceLanguageOption::add_to(CLI::App& command) {
  command
      .add_option("--source-language", name_,
                  "The language of the texts, for a multilingual model that is told it; default: "
                  "as its tokenizer was set")
      ->type_name("NAME");
}

Result<Tokenizer> SourceLanguageOption::apply(const Tokenizer& tokenizer) const {
  if (!given()) return tokenizer;
  return tokenizer.for_language(name_);
}

}  // namespace lanewise::cli
