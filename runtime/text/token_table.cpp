#include "runtime/text/token_table.hpp"

#include <string>

namespace lanewise::text {
namespace {

// The largest vocabularies in use have 256 thousand tokens to a million; a table by id of this size
// takes 64 MB, which is what a file of a few bytes may make us allocate.
constexpr int32_t kMaxId = (1 << 22) - 1;

// A step of a search for tokens walks at most this far, so that a file cannot make encoding
// quadratic. The longest token of published vocabularies has under 400 bytes.
constexpr size_t kMaxTokenBytes = 1024;

}  // namespace

Status TokenTable::add(std::string_view token, int32_t id) {
  if (id < 0 || id > kMaxId) {
    return resource_exhausted("token '" + std::string(token) + "': id " + std::to_string(id) +
                              " is not between 0 and " + std::to_string(kMaxId));
  }
  if (token.size() > kMaxTokenBytes) {
    return resource_exhausted("token " + std::to_string(id) + ": " + std::to_string(token.size()) +
                              " bytes, at most " + std::to_string(kMaxTokenBytes) + " allowed");
  }
  if (static_cast<size_t>(id) >= by_id_.size()) by_id_.resize(static_cast<size_t>(id) + 1);
  std::string_view& entry = by_id_[static_cast<size_t>(id)];
  if (!entry.empty() && entry != token) {
    return data_loss("tokens '" + std::string(entry) + "' and '" + std::string(token) +
                     "' have the same id " + std::to_string(id));
  }
  entry = token;
  return {};
}

std::string_view TokenTable::token(int32_t id) const noexcept {
  if (id < 0 || static_cast<size_t>(id) >= by_id_.size()) return {};
  return by_id_[static_cast<size_t>(id)];
}

}  // namespace lanewise::text
