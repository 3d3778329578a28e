#include "runtime/grammar/vocabulary.hpp"

#include <algorithm>

#include "base/status_macros.hpp"

namespace lanewise::grammar {
namespace {

size_t common_prefix(std::string_view a, std::string_view b) noexcept {
  const auto [end, other] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  return static_cast<size_t>(end - a.begin());
}

}  // namespace

Result<Vocabulary> Vocabulary::of(const text::Tokenizer& tokenizer) {
  Vocabulary made;
  made.offsets_.push_back(0);
  for (int32_t id = 0; id < tokenizer.vocabulary_size(); ++id) {
    LW_ASSIGN_OR_RETURN(const std::string bytes,
                        tokenizer.token_bytes(id, text::TokenPlace::kWithin));
    LW_ASSIGN_OR_RETURN(std::string first, tokenizer.token_bytes(id, text::TokenPlace::kFirst));
    if (first != bytes) {
      made.first_ids_.push_back(id);
      made.first_.push_back(std::move(first));
    }
    made.bytes_ += bytes;
    made.offsets_.push_back(static_cast<uint32_t>(made.bytes_.size()));
    made.longest_ = std::max(made.longest_, bytes.size());
  }
  made.sort();
  return made;
}

std::string_view Vocabulary::first_bytes(int32_t id) const noexcept {
  const auto place = std::lower_bound(first_ids_.begin(), first_ids_.end(), id);
  if (place == first_ids_.end() || *place != id) return bytes(id);
  return first_[static_cast<size_t>(place - first_ids_.begin())];
}

void Vocabulary::sort() {
  for (int32_t id = 0; id < size(); ++id) {
    if (!bytes(id).empty()) ids_.push_back(id);
  }
  std::sort(ids_.begin(), ids_.end(), [&](int32_t a, int32_t b) {
    const int order = bytes(a).compare(bytes(b));
    return order != 0 ? order < 0 : a < b;
  });
  std::vector<uint32_t> open;  // the nodes from the root to the last one
  std::string_view before;
  const auto close_down_to = [&](size_t depth) {
    while (open.size() > depth) {
      nodes_[open.back()].end = static_cast<uint32_t>(nodes_.size());
      open.pop_back();
    }
  };
  for (size_t i = 0; i < ids_.size(); ++i) {
    const std::string_view token = bytes(ids_[i]);
    close_down_to(common_prefix(before, token));
    while (open.size() < token.size()) {
      const auto byte = static_cast<uint8_t>(token[open.size()]);
      open.push_back(static_cast<uint32_t>(nodes_.size()));
      nodes_.push_back({0, static_cast<uint32_t>(i), static_cast<uint16_t>(open.size()), byte});
    }
    nodes_.back().tokens_end = static_cast<uint32_t>(i + 1);
    before = token;
  }
  close_down_to(0);
}

}  // namespace lanewise::grammar
