#include "converters/tokenizers/folder_chat_templates.hpp"

#include <utility>

#include "base/json_fields.hpp"
#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/files.hpp"
#include "converters/folder_files.hpp"
#include "converters/tokenizers/companions.hpp"
#include "converters/tokenizers/json_file.hpp"
#include "runtime/chat/limits.hpp"
#include "runtime/chat/parser.hpp"
#include "runtime/chat/syntax.hpp"
#include "runtime/text/utf8.hpp"

namespace lanewise::converters {
namespace {

using base::JsonValue;
using chat::StoredTemplates;

constexpr const char* kFile = "chat_template.jinja";
constexpr const char* kProcessorFile = "chat_template.json";
constexpr const char* kSettingsFile = "tokenizer_config.json";
constexpr const char* kField = "chat_template";
constexpr std::string_view kEnding = ".jinja";
// The tokens of a list have no names, so templates cannot print them.
constexpr const char* kExtraTokens = "extra_special_tokens";

/// Line ends as Python reads them from a text file: \r\n and \r become \n.
std::string with_plain_line_ends(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\r') {
      plain += text[i];
    } else if (i + 1 == text.size() || text[i + 1] != '\n') {
      plain += '\n';
    }
  }
  return plain;
}

class Reader {
 public:
  Reader(SourceFolder& folder, const std::string& subfolder, const Report& report)
      : folder_(folder), subfolder_(subfolder), report_(report) {}

  Result<StoredTemplates> read() {
    LW_RETURN_IF_ERROR(read_files());
    if (stored_.templates.empty()) LW_RETURN_IF_ERROR(read_json_file(kSettingsFile));
    if (stored_.templates.empty()) LW_RETURN_IF_ERROR(read_json_file(kProcessorFile));
    return std::move(stored_);
  }

 private:
  std::string path(const std::string& name) const { return join(subfolder_, name); }

  Status read_files() {
    if (folder_.has(path(kFile))) {
      LW_RETURN_IF_ERROR(read_file(std::string(StoredTemplates::kDefault), kFile));
    }
    // Not below the subfolder, as in Transformers.
    for (const std::string& name : list_entries(folder_.path(kChatTemplateFolder))) {
      const std::string file = join(kChatTemplateFolder, name);
      if (!name.ends_with(kEnding) || !folder_.has(file)) continue;
      LW_RETURN_IF_ERROR(read_file(name.substr(0, name.size() - kEnding.size()), file));
    }
    return {};
  }

  Status read_file(const std::string& name, const std::string& file) {
    const std::string where =
        folder_.path(file.starts_with(kChatTemplateFolder) ? file : path(file));
    LW_ASSIGN_OR_RETURN(const std::string text, folder_.text(where));
    add(name, with_plain_line_ends(text), file);
    return {};
  }

  Status read_json_file(const char* name) {
    if (!folder_.has(path(name))) return {};
    LW_ASSIGN_OR_RETURN(const std::string text, folder_.text(folder_.path(path(name))));
    const Result<base::JsonDocument> document = parse_file(text, name);
    if (!document.ok()) {
      leave_out(name, document.status().message());
      return {};
    }
    const JsonValue* const found = document->root().find(kField);
    if (found != nullptr && !found->is_null()) add_all(*found, name);
    return {};
  }

  /// A text, a list of {"name", "template"}, or an object of texts.
  void add_all(const JsonValue& value, const std::string& file) {
    if (value.is_string()) return add(std::string(StoredTemplates::kDefault), value.string(), file);
    for (const base::JsonMember& member : value.members()) {
      add_named(std::string(member.name), &member.value, file);
    }
    for (const JsonValue& element : value.elements()) {
      const JsonValue* const name = element.find("name");
      if (name == nullptr || !name->is_string()) return leave_out(file, "expected a name");
      add_named(std::string(name->string()), element.find("template"), file);
    }
    if (!value.is_array() && !value.is_object()) {
      leave_out(file, "expected a text, found " + base::found_text(&value));
    }
  }

  void add_named(const std::string& name, const JsonValue* text, const std::string& file) {
    if (text != nullptr && text->is_string()) return add(name, text->string(), file);
    leave_out(file, "expected a text, found " + base::found_text(text));
  }

  void add(const std::string& name, std::string_view text, const std::string& file) {
    Status status = text::check_utf8(text);
    if (status.ok() && text.size() > chat::kMaxTemplateBytes) {
      status = resource_exhausted("expected at most " + std::to_string(chat::kMaxTemplateBytes) +
                                  " bytes, found " + std::to_string(text.size()));
    }
    if (!status.ok()) return leave_out(file, status.message());
    stored_.templates.insert_or_assign(name, std::string(text));
    // Not ChatTemplate::parse(), for which a lack of memory is one failure among others.
    const Status parsed = chat::parse_program(text).status();
    if (!parsed.ok()) {
      report_(base::in_quotes(file) + ": chat template: " + parsed.message() +
              ": the model generates, but cannot chat");
    }
  }

  void leave_out(const std::string& file, const std::string& why) {
    report_(base::in_quotes(file) + ": chat template: " + why + "; it is left out");
  }

  SourceFolder& folder_;
  const std::string& subfolder_;
  const Report& report_;
  StoredTemplates stored_;
};

/// The tokens of an object in `extra_special_tokens`, by their names.
Status add_extra_tokens(SourceFolder& folder, const std::string& path, StoredTemplates* stored) {
  if (!folder.has(path)) return {};
  LW_ASSIGN_OR_RETURN(const std::string text, folder.text(folder.path(path)));
  LW_ASSIGN_OR_RETURN(const base::JsonDocument document, parse_file(text, path));
  const JsonValue* const extra = document.root().find(kExtraTokens);
  if (extra == nullptr) return {};
  for (const base::JsonMember& member : extra->members()) {
    const JsonValue* const content = member.value.find("content");
    const JsonValue& token = content == nullptr ? member.value : *content;
    if (token.is_string()) stored->tokens.emplace(member.name, token.string());
  }
  return {};
}

}  // namespace

Result<StoredTemplates> folder_chat_templates(SourceFolder& folder, const std::string& subfolder,
                                              const Config& config, const Report& report) {
  LW_ASSIGN_OR_RETURN(StoredTemplates stored, Reader(folder, subfolder, report).read());
  if (stored.templates.empty()) return stored;
  LW_ASSIGN_OR_RETURN(const Companions companions, read_companions(folder, subfolder, config));
  for (const NamedToken& named : companions.named_tokens) {
    if (named.setting != kExtraTokens) stored.tokens.emplace(named.setting, named.token.content);
  }
  LW_RETURN_IF_ERROR(add_extra_tokens(folder, join(subfolder, kSettingsFile), &stored));
  return stored;
}

}  // namespace lanewise::converters
