#include "runtime/chat/stored_templates.hpp"

#include <utility>

#include "base/json_fields.hpp"
#include "base/json_tree.hpp"
#include "base/status_macros.hpp"
#include "runtime/chat/limits.hpp"

namespace lanewise::chat {
namespace {

using Json = base::JsonTree;

constexpr std::string_view kTemplate = "template";
constexpr std::string_view kNamed = "named";
// A checkpoint has a few templates, each of a few kilobytes.
constexpr size_t kMaxBytes = 16 * kMaxTemplateBytes;

}  // namespace

std::string to_json(const StoredTemplates& stored) {
  if (stored.templates.empty()) return {};
  Json json = Json::object();
  Json named = Json::object();
  for (const auto& [name, text] : stored.templates) {
    if (name == StoredTemplates::kDefault) {
      json.set(kTemplate, text);
    } else {
      named.set(name, text);
    }
  }
  if (!named.members().empty()) json.set(kNamed, std::move(named));
  for (const auto& [name, token] : stored.tokens) {
    if (name != kTemplate && name != kNamed) json.set(name, token);
  }
  return json.text();
}

Result<StoredTemplates> parse_stored_templates(std::string_view json) {
  LW_ASSIGN_OR_RETURN(const base::JsonDocument document, base::parse_json(json, kMaxBytes));
  LW_ASSIGN_OR_RETURN(const base::JsonFields fields, base::JsonFields::of(document.root(), ""));
  StoredTemplates stored;
  if (fields.has(kNamed)) {
    LW_ASSIGN_OR_RETURN(stored.templates, fields.string_map(kNamed));
  }
  for (const base::JsonMember& member : fields.members()) {
    if (member.name == kNamed) continue;
    LW_ASSIGN_OR_RETURN(std::string text, fields.string(member.name));
    if (member.name == kTemplate) {
      stored.templates.insert_or_assign(std::string(StoredTemplates::kDefault), std::move(text));
    } else {
      stored.tokens.emplace(member.name, std::move(text));
    }
  }
  if (stored.templates.empty()) return data_loss("no template");
  return stored;
}

}  // namespace lanewise::chat
