#include "cli/grammar_flags.hpp"

#include "cli/command.hpp"
#include "cli/lines.hpp"
#include "lanewise/status_macros.hpp"

namespace lanewise::cli {

void GrammarFlags::add_to(CLI::App& command) {
  const std::string group = "What the text must be; it may be incomplete at the maximum length";
  command
      .add_option("--json-schema", schema_,
                  "JSON by this schema; the schema {} allows any JSON; `-` is stdin")
      ->type_name("FILE")
      ->group(group);
  command
      .add_option("--grammar", grammar_,
                  "A text of this grammar, in llama.cpp's GBNF; `-` is stdin")
      ->type_name("FILE")
      ->group(group);
  regex_option_ = command.add_option("--regex", regex_, "A text that this matches as a whole")
                      ->type_name("R")
                      ->group(group);
}

void GrammarFlags::check_usage() const {
  const bool regex = regex_option_->count() > 0;
  if ((schema_.empty() ? 0 : 1) + (grammar_.empty() ? 0 : 1) + (regex ? 1 : 0) > 1) {
    wrong_usage("--json-schema, --grammar and --regex exclude each other");
  }
}

Result<Grammar> GrammarFlags::grammar() const {
  if (regex_option_->count() > 0) return Grammar::from_regex(regex_);
  const std::string& path = schema_.empty() ? grammar_ : schema_;
  LANEWISE_ASSIGN_OR_RETURN(const std::string text, LineReader::read_all(path));
  Result<Grammar> made =
      schema_.empty() ? Grammar::from_gbnf(text) : Grammar::from_json_schema(text);
  if (!made.ok()) {
    return made.status().with_context(path == "-" ? "standard input" : "'" + path + "'");
  }
  return made;
}

Result<Constraint> GrammarFlags::constraint(const Tokenizer& target) const {
  LANEWISE_ASSIGN_OR_RETURN(const Grammar made, grammar());
  LANEWISE_ASSIGN_OR_RETURN(const GrammarVocabulary vocabulary, GrammarVocabulary::of(target));
  return Constraint::create(made, vocabulary);
}

}  // namespace lanewise::cli
