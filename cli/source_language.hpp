#pragma once

#include <string>

#include <CLI/CLI.hpp>

#include "lanewise/status.hpp"
#include "lanewise/tokenizer.hpp"

namespace lanewise::cli {

/// [--source-language NAME] of a command.
class SourceLanguageOption {
 public:
  void add_to(CLI::App& command);

  bool given() const { return !name_.empty(); }

  /// `tokenizer` for texts in that language; unchanged if none is given.
  Result<Tokenizer> apply(const Tokenizer& tokenizer) const;

 private:
  std::string name_;
};

}  // namespace lanewise::cli
