#include "converters/tokenizers/added_vocabulary.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "base/status_macros.hpp"
#include "runtime/text/tokenizer_json.hpp"

namespace lanewise::converters {
namespace {

using Json = base::JsonTree;
using text::AddedToken;

}  // namespace

Result<AddedVocabulary> AddedVocabulary::of(const base::JsonFields& tokenizer_json, bool renumber) {
  AddedVocabulary vocabulary;
  vocabulary.read_model(tokenizer_json);
  std::vector<AddedToken> tokens;
  LW_RETURN_IF_ERROR(text::added_tokens_from_json(tokenizer_json, &tokens));
  for (AddedToken& token : tokens) {
    if (renumber) {
      vocabulary.add(std::move(token));
    } else {
      vocabulary.add_as(token);
    }
  }
  return vocabulary;
}

/// A vocabulary is an object of ids by token, or a list of pieces with scores. Anything else is
/// left to the model's own reader, which reports it.
void AddedVocabulary::read_model(const base::JsonFields& tokenizer_json) {
  const base::JsonValue* model = tokenizer_json.find("model");
  const base::JsonValue* vocab = model == nullptr ? nullptr : model->find("vocab");
  if (model != nullptr && vocab == nullptr) vocab = model->find("pieces");
  if (vocab == nullptr) return;
  model_.reserve(vocab->members().size() + vocab->elements().size());
  for (const auto& [token, value] : vocab->members()) {
    const std::optional<uint64_t> id = value.natural();
    if (id && *id <= INT32_MAX) model_.emplace(token, static_cast<int32_t>(*id));
  }
  int32_t id = 0;
  for (const base::JsonValue& piece : vocab->elements()) {
    const auto parts = piece.elements();
    if (!parts.empty() && parts[0].is_string()) model_.emplace(parts[0].string(), id);
    ++id;
  }
}

/// After all others. Like tokenizers, counts the vocabulary even if its ids have gaps, so a token
/// could get an id that the model uses; then the next free one is taken.
int32_t AddedVocabulary::next_id() const {
  const auto size = static_cast<int32_t>(model_.size());
  if (tokens_.empty()) return size;
  // The largest id has no next one; the tokenizer refuses far smaller ones.
  const int32_t last = tokens_.rbegin()->first;
  return std::max(size, last < INT32_MAX ? last + 1 : last);
}

void AddedVocabulary::add(AddedToken token) {
  if (token.content.empty()) return;
  if (const auto known = ids_.find(token.content); known != ids_.end()) {
    token.id = known->second;
  } else if (const auto found = model_.find(token.content); found != model_.end()) {
    token.id = found->second;
  } else {
    token.id = next_id();
  }
  add_as(token);
}

void AddedVocabulary::add_as(const AddedToken& token) {
  if (const auto known = ids_.find(token.content); known != ids_.end()) {
    if (known->second != token.id) tokens_.erase(known->second);
  }
  if (const auto before = tokens_.find(token.id); before != tokens_.end()) {
    ids_.erase(before->second.content);
  }
  ids_.insert_or_assign(token.content, token.id);
  tokens_.insert_or_assign(token.id, token);
}

const AddedToken* AddedVocabulary::find(std::string_view content) const {
  const auto found = ids_.find(std::string(content));
  return found == ids_.end() ? nullptr : &tokens_.at(found->second);
}

bool AddedVocabulary::knows(std::string_view content) const {
  const std::string key(content);
  return ids_.contains(key) || model_.contains(key);
}

Json AddedVocabulary::to_json() const {
  std::vector<AddedToken> tokens;
  for (const auto& [id, token] : tokens_) tokens.push_back(token);
  return text::added_tokens_to_json(tokens);
}

}  // namespace lanewise::converters
