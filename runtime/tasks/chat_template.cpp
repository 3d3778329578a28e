#include "lanewise/chat.hpp"

#include <algorithm>
#include <utility>

#include "base/messages.hpp"
#include "base/no_throw.hpp"
#include "base/status_macros.hpp"
#include "runtime/chat/stored_templates.hpp"
#include "runtime/model_data.hpp"
#include "runtime/tasks/chat_template_data.hpp"

namespace lanewise {
namespace internal {
namespace {

constexpr std::string_view kToolUse = "tool_use";

/// Whether a JSON text is a list without elements, which Transformers refuses.
bool is_empty_list(std::string_view json) {
  std::string_view brackets = "[]";
  for (const char c : json) {
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') continue;
    if (brackets.empty() || c != brackets.front()) return false;
    brackets.remove_prefix(1);
  }
  return brackets.empty();
}

}  // namespace

Result<std::shared_ptr<const ChatTemplateData>> ChatTemplateData::parse(std::string_view stored) {
  LW_ASSIGN_OR_RETURN(chat::StoredTemplates all, chat::parse_stored_templates(stored));
  auto data = std::make_shared<ChatTemplateData>();
  data->tokens_ = std::move(all.tokens);
  bool usable = false;
  for (const auto& [name, text] : all.templates) {
    Result<chat::ChatTemplate> parsed = chat::ChatTemplate::parse(text);
    // Perhaps memory ran out: no property of the template.
    if (parsed.status().code() == StatusCode::kResourceExhausted) return parsed.status();
    usable = usable || parsed.ok();
    data->templates_.emplace(name, std::move(parsed));
  }
  if (!usable) return data->templates_.begin()->second.status();
  return std::shared_ptr<const ChatTemplateData>(std::move(data));
}

Result<ChatTemplate> ChatTemplateData::open(std::string_view stored) {
  if (stored.empty()) return not_found("the model has no chat template");
  auto data = parse(stored);
  if (!data.ok()) return data.status().with_context("chat template");
  return ChatTemplate(*std::move(data));
}

std::vector<std::string> ChatTemplateData::names() const {
  std::vector<std::string> names;
  for (const auto& [name, parsed] : templates_) names.push_back(name);
  return names;
}

std::string ChatTemplateData::known() const {
  std::string text;
  for (const auto& [name, parsed] : templates_) text.append(text.empty() ? "" : ", ").append(name);
  return text;
}

Result<const chat::ChatTemplate*> ChatTemplateData::choose(const Conversation& input) const {
  const bool named = !input.template_name.empty();
  auto found = named ? templates_.find(input.template_name) : templates_.end();
  if (!named && !input.tools.empty()) found = templates_.find(kToolUse);
  if (!named && found == templates_.end()) {
    found = templates_.find(chat::StoredTemplates::kDefault);
  }
  if (found == templates_.end()) {
    const std::string what = named ? "no chat template " + base::in_quotes(input.template_name)
                                   : "no default chat template";
    return invalid_argument(what + "; the model has: " + known());
  }
  if (!found->second.ok()) return found->second.status();
  return &*found->second;
}

Result<std::string> ChatTemplateData::render(const Conversation& input) const {
  if (is_empty_list(input.messages)) return invalid_argument("there are no messages");
  LW_ASSIGN_OR_RETURN(const chat::ChatTemplate* const chosen, choose(input));
  return chosen->render({.messages = input.messages,
                         .tools = input.tools,
                         .documents = input.documents,
                         .add_generation_prompt = input.add_generation_prompt,
                         .special_tokens = tokens_,
                         .variables = input.variables});
}

}  // namespace internal

Result<ChatTemplate> ChatTemplate::of(const Model& model) {
  return base::no_throw(
      [&] { return internal::ChatTemplateData::open(model.data().chat_template()); });
}

Result<std::string> ChatTemplate::render(const Conversation& conversation) const {
  return base::no_throw([&]() -> Result<std::string> {
    Result<std::string> prompt = data_->render(conversation);
    if (!prompt.ok()) return prompt.status().with_context("chat template");
    return prompt;
  });
}

Result<std::vector<std::string>> ChatTemplate::names() const {
  return base::no_throw([&]() -> Result<std::vector<std::string>> { return data_->names(); });
}

}  // namespace lanewise
