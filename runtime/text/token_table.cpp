#include "runtime/text/token_table.hpp"

namespace lanewise::text {
namespace {

// The largest vocabularies in use have 256 thousand to a million tokens; a table of this size takes
// 64 MB, the most that a file of a few bytes can make us allocate.
constexpr int32_t kMaxTokenId = (1 << 22) - 1;

// A search for tokens walks at most this far per step, so that a file cannot make encoding
// quadratic. The longest token of published vocabularies has under 400 bytes.
constexpr size_t kMaxTokenBytes = 1024;

}  // namespace

Status TokenTable::add(std::string_view token, int32_t id) {
  if (id < 0 || id > kMaxTokenId) {
    return resource_exhausted("token '" + std::string(token) + "': id " + std::to_string(id) +
                              " is not between 0 and " + std::to_string(kMaxTokenId));
  }
  if (token.size() > kMaxTokenBytes) {
    return resource_exhausted("token " + std::to_string(id) + ": " + std::to_string(token.size()) +
                              " bytes, at most " + std::to_string(kMaxTokenBytes) + " allowed");
  }
  if (static_cast<size_t>(id) >= by_id_.size()) by_id_.resize(static_cast<size_t>(id) + 1);
  std::string_view& entry = by_id_[static_cast<size_t>(id)];
  if (!token.empty()) entry = token;
  return {};
}

std::string_view TokenTable::token(int32_t id) const noexcept {
  if (id < 0 || static_cast<size_t>(id) >= by_id_.size()) return {};
  return by_id_[static_cast<size_t>(id)];
}

Result<std::vector<std::string_view>> TokenTable::decoded(std::span<const int32_t> ids,
                                                          bool skip_special) const {
  std::vector<std::string_view> tokens;
  for (const int32_t id : ids) {
    if (id < 0) return invalid_argument("token id " + std::to_string(id) + " is negative");
    if (token(id).empty() || (skip_special && special_.contains(id))) continue;
    const auto form = forms_.find(id);
    tokens.push_back(form == forms_.end() ? token(id) : std::string_view(form->second));
  }
  return tokens;
}

std::string join(std::span<const std::string_view> tokens, std::string_view separator) {
  std::string text;
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (i > 0) text += separator;
    text += tokens[i];
  }
  return text;
}

}  // namespace lanewise::text
