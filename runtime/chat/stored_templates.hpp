#pragma once

#include <map>
#include <string>
#include <string_view>

#include "lanewise/status.hpp"

namespace lanewise::chat {

/// The chat templates of a checkpoint, as a model file has them.
struct StoredTemplates {
  static constexpr std::string_view kDefault = "default";

  /// By name; that of a checkpoint with one template is kDefault.
  std::map<std::string, std::string> templates;
  /// What templates may print: bos_token, eos_token and so on, by the names of the tokenizer's
  /// settings. A setting that is null is left out.
  std::map<std::string, std::string> tokens;

  bool operator==(const StoredTemplates&) const = default;
};

/// {"template": the default one, "named": {other names: templates}, "bos_token": "<s>", ...}, each
/// where there is one. Empty if there are no templates.
std::string to_json(const StoredTemplates& stored);

/// Reads what to_json() wrote, from a file that is not trusted. Fails with kDataLoss, naming the
/// field.
Result<StoredTemplates> parse_stored_templates(std::string_view json);

}  // namespace lanewise::chat
