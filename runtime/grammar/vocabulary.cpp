#include "runtime/grammar/vocabulary.hpp"

#include <algorithm>

#include "base/status_macros.hpp"
#include "runtime/grammar/plain_runs.hpp"
#include "runtime/text/utf8.hpp"

namespace lanewise::grammar {
namespace {

size_t common_prefix(std::string_view a, std::string_view b) noexcept {
  const auto [end, other] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  return static_cast<size_t>(end - a.begin());
}

/// The characters of a token if all of them are plain and there are few enough, else kNotPlain.
size_t plain_length(std::string_view bytes) {
  constexpr size_t kNotPlain = Vocabulary::Node::kNotPlain;
  if (text::valid_utf8_prefix(bytes) != bytes.size()) return kNotPlain;
  size_t length = 0;
  for (size_t i = 0; i < bytes.size(); ++length) {
    const text::CodePoint next = text::decode_at(bytes, i);
    if (!is_plain(next.value)) return kNotPlain;
    i += static_cast<size_t>(next.length);
  }
  return length <= PlainRuns::kLongest ? length : kNotPlain;
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
  made.find_plain();
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
      nodes_.push_back({0, static_cast<uint32_t>(i), static_cast<uint16_t>(open.size()), byte, 0});
    }
    nodes_.back().tokens_end = static_cast<uint32_t>(i + 1);
    before = token;
  }
  close_down_to(0);
}

void Vocabulary::find_plain() {
  plain_.assign(PlainRuns::kLongest + 1,
                std::vector<uint64_t>((static_cast<size_t>(size()) + 63) / 64));
  std::vector<uint8_t> lengths(static_cast<size_t>(size()));
  for (const int32_t id : ids_) {
    const size_t length = plain_length(bytes(id));
    lengths[static_cast<size_t>(id)] = static_cast<uint8_t>(length);
    const auto bit = static_cast<size_t>(id);
    for (size_t most = length; most < plain_.size(); ++most) {
      plain_[most][bit / 64] |= uint64_t{1} << (bit % 64);
    }
  }
  for (size_t i = nodes_.size(); i-- > 0;) {
    Node& node = nodes_[i];
    for (size_t t = i == 0 ? 0 : nodes_[i - 1].tokens_end; t < node.tokens_end; ++t) {
      node.plain = std::max(node.plain, lengths[static_cast<size_t>(ids_[t])]);
    }
    for (size_t child = i + 1; child < node.end; child = nodes_[child].end) {
      node.plain = std::max(node.plain, nodes_[child].plain);
    }
  }
}

}  // namespace lanewise::grammar
