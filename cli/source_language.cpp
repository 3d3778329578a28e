#include "cli/source_language.hpp"

namespace lanewise::cli {

void SourceLanguageOption::add_to(CLI::App& command) {
  command
      .add_option("--source-language", name_,
                  "Language of the texts for a multilingual model; default: its tokenizer's")
      ->type_name("NAME");
}

Result<Tokenizer> SourceLanguageOption::apply(const Tokenizer& tokenizer) const {
  if (!given()) return tokenizer;
  return tokenizer.for_language(name_);
}

}  // namespace lanewise::cli
