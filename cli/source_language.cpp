#include "cli/source_language.hpp"

#include "base/status_macros.hpp"

namespace lanewise::cli {

void SourceLanguageOption::add_to(CLI::App& command) {
  command
      .add_option("--source-language", name_,
                  "The language of the texts, for a multilingual model that is told it; default: "
                  "as its tokenizer was set")
      ->type_name("NAME");
}

Result<std::optional<tasks::SourceLanguage>> SourceLanguageOption::look_up(
    const text::Tokenizer& tokenizer) const {
  std::optional<tasks::SourceLanguage> language;
  if (given()) {
    LW_ASSIGN_OR_RETURN(language, tasks::source_language(tokenizer, name_));
  }
  return language;
}

}  // namespace lanewise::cli
