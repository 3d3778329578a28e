#pragma once

#include <optional>
#include <string>

#include <CLI/CLI.hpp>

#include "lanewise/status.hpp"
#include "runtime/tasks/source_language.hpp"

namespace lanewise::cli {

/// [--source-language NAME] of a command.
class SourceLanguageOption {
 public:
  void add_to(CLI::App& command);

  bool given() const { return !name_.empty(); }

  /// What it asks of this tokenizer; nothing where it is not given.
  Result<std::optional<tasks::SourceLanguage>> look_up(const text::Tokenizer& tokenizer) const;

 private:
  std::string name_;
};

}  // namespace lanewise::cli
