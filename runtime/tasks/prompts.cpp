#include "runtime/tasks/prompts.hpp"

#include <algorithm>
#include <initializer_list>
#include <vector>

#include "base/messages.hpp"
#include "runtime/tasks/task_names.hpp"

namespace lanewise::tasks {
namespace {

/// The first of these that the model has, or else its default.
std::string first_prompt(const ModelInfo& info, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    const auto found = std::ranges::find(info.prompts, name, &Prompt::name);
    if (found != info.prompts.end()) return found->name;
  }
  return info.default_prompt;
}

}  // namespace

RankingPrompts::RankingPrompts(const ModelInfo& info)
    : query(first_prompt(info, {kQueryPrompt})),
      text(first_prompt(info, {"document", "passage", "corpus"})) {}

Status PromptChoice::choose(const ModelInfo& info, std::string_view name) {
  const std::vector<Prompt>& prompts = info.prompts;
  const auto found = std::ranges::find(prompts, name, &Prompt::name);
  if (found == prompts.end() && !name.empty()) {
    std::string known;
    for (const Prompt& prompt : prompts) {
      known.append(known.empty() ? "" : ", ").append(base::in_quotes(prompt.name));
    }
    return invalid_argument("unknown prompt " + base::in_quotes(name) +
                            (known.empty() ? ": the model has none" : "; known: " + known));
  }
  prompt_ = found == prompts.end() ? std::string() : found->text;
  return {};
}

std::string_view PromptChoice::before(std::string_view text) {
  if (prompt_.empty()) return text;
  text_.assign(prompt_).append(text);
  return text_;
}

}  // namespace lanewise::tasks
