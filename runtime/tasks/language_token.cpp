#include "runtime/tasks/language_token.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "base/messages.hpp"
#include "base/status_macros.hpp"

namespace lanewise::tasks {
namespace {

using base::in_quotes;
using text::Tokenizer;

constexpr size_t kMostNamed = 5;

/// A token is special if decoding can skip it.
Result<bool> is_special(const Tokenizer& tokenizer, int32_t id) {
  LW_ASSIGN_OR_RETURN(const std::string kept, tokenizer.decode({&id, 1}, false));
  LW_ASSIGN_OR_RETURN(const std::string left_out, tokenizer.decode({&id, 1}, true));
  return !kept.empty() && left_out.empty();
}

/// `__fr__`, `fr_XX`, `fra_Latn`: language names contain '_' and, unlike `<pad>`, no '<'.
bool looks_like_language(std::string_view token) {
  return token.find('_') != std::string_view::npos && token.find('<') == std::string_view::npos;
}

/// Special tokens that could be languages and begin with `prefix`.
Result<std::vector<int32_t>> languages(const Tokenizer& tokenizer, std::string_view prefix) {
  std::vector<int32_t> ids;
  const auto size = static_cast<int32_t>(tokenizer.vocabulary_size());
  for (int32_t id = 0; id < size; ++id) {
    if (!tokenizer.token(id).starts_with(prefix)) continue;
    LW_ASSIGN_OR_RETURN(const bool language, is_language(tokenizer, id));
    if (language) ids.push_back(id);
  }
  return ids;
}

std::string listed(const Tokenizer& tokenizer, const std::vector<int32_t>& ids) {
  std::string list;
  for (size_t i = 0; i < std::min(ids.size(), kMostNamed); ++i) {
    list.append(i == 0 ? "" : ", ").append(tokenizer.token(ids[i]));
  }
  return ids.size() > kMostNamed ? list + ", ..." : list;
}

}  // namespace

Result<bool> is_language(const Tokenizer& tokenizer, int32_t id) {
  if (!looks_like_language(tokenizer.token(id))) return false;
  return is_special(tokenizer, id);
}

Result<int32_t> language_token(const Tokenizer& tokenizer, std::string_view name) {
  const std::string language(name);
  for (const std::string& token : {language, "__" + language + "__"}) {
    const std::optional<int32_t> id = tokenizer.id(token);
    if (!id || !looks_like_language(token)) continue;
    LW_ASSIGN_OR_RETURN(const bool special, is_special(tokenizer, *id));
    if (special) return *id;
  }
  LW_ASSIGN_OR_RETURN(const std::vector<int32_t> begun, languages(tokenizer, language + "_"));
  if (begun.size() == 1) return begun.front();
  if (begun.size() > 1) {
    return invalid_argument("language " + in_quotes(language) + " could be " +
                            listed(tokenizer, begun));
  }
  LW_ASSIGN_OR_RETURN(const std::vector<int32_t> known, languages(tokenizer, ""));
  const std::string unknown = "unknown language " + in_quotes(language);
  if (known.empty()) return invalid_argument(unknown + ": the model has no tokens for languages");
  return invalid_argument(unknown + "; known: " + listed(tokenizer, known));
}

}  // namespace lanewise::tasks
