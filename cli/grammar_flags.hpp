#pragma once

#include <string>

#include <CLI/CLI.hpp>

#include "lanewise/grammar.hpp"
#include "lanewise/tokenizer.hpp"

namespace lanewise::cli {

/// The flags that say what a generated text must be.
class GrammarFlags {
 public:
  void add_to(CLI::App& command);

  bool given() const { return !schema_.empty() || !grammar_.empty() || regex_option_->count() > 0; }
  /// Whether the grammar is on stdin.
  bool reads_stdin() const { return schema_ == "-" || grammar_ == "-"; }
  /// Throws wrong usage for more than one of them.
  void check_usage() const;

  /// The constraint for the tokens of a decoder's output. Requires given(). Fails as the calls of
  /// lanewise/grammar.hpp do, and if the file cannot be read.
  Result<Constraint> constraint(const Tokenizer& target) const;

 private:
  Result<Grammar> grammar() const;

  std::string schema_;
  std::string grammar_;
  std::string regex_;
  CLI::Option* regex_option_ = nullptr;
};

}  // namespace lanewise::cli
