#include "runtime/grammar/automaton.hpp"

#include <algorithm>
#include <utility>

#include "runtime/text/utf8.hpp"

namespace lanewise::grammar {
namespace {

// A JSON schema of a few pages has some thousand nodes. These limits are for counts such as
// {1000}{1000}.
constexpr size_t kMaxNodes = size_t{1} << 20;
constexpr size_t kMaxEdges = size_t{1} << 22;

constexpr uint8_t kFirstContinuation = 0x80;
constexpr uint8_t kLastContinuation = 0xBF;

std::string utf8_of(char32_t code_point) {
  std::string bytes;
  text::append_utf8(code_point, &bytes);
  return bytes;
}

bool is_all(std::string_view bytes, uint8_t byte) {
  return std::all_of(bytes.begin(), bytes.end(),
                     [&](char c) { return static_cast<uint8_t>(c) == byte; });
}

/// Adds the code points of one set between two nodes. The last bytes of long ranges share nodes.
class Utf8Edges {
 public:
  Utf8Edges(AutomatonBuilder& builder, int32_t to) : builder_(builder), any_{to, -1, -1, -1} {}

  void add(int32_t from, CodePointRange range) {
    // The last code points with one, two and three bytes.
    for (const char32_t longest : {char32_t{0x7F}, char32_t{0x7FF}, char32_t{0xFFFF}}) {
      if (range.first > longest || range.last <= longest) continue;
      add_equally_long(from, utf8_of(range.first), utf8_of(longest));
      range.first = longest + 1;
    }
    add_equally_long(from, utf8_of(range.first), utf8_of(range.last));
  }

 private:
  /// The node from which `count` arbitrary continuation bytes follow.
  int32_t any(size_t count) {
    if (any_[count] < 0) {
      any_[count] = builder_.add_node();
      builder_.add_bytes(any_[count], kFirstContinuation, kLastContinuation, any(count - 1));
    }
    return any_[count];
  }

  /// The byte sequences from `first` to `last`, of the same length, in their order.
  void add_equally_long(int32_t from, std::string_view first, std::string_view last) {
    const size_t rest = first.size() - 1;
    auto low = static_cast<uint8_t>(first[0]);
    auto high = static_cast<uint8_t>(last[0]);
    first.remove_prefix(1);
    last.remove_prefix(1);
    if (low == high && rest > 0) return add_rest(from, low, first, last);
    const std::string lowest(rest, static_cast<char>(kFirstContinuation));
    const std::string highest(rest, static_cast<char>(kLastContinuation));
    if (!is_all(first, kFirstContinuation)) add_rest(from, low++, first, highest);
    if (!is_all(last, kLastContinuation)) add_rest(from, high--, lowest, last);
    if (low <= high) builder_.add_bytes(from, low, high, any(rest));
  }

  void add_rest(int32_t from, uint8_t lead, std::string_view first, std::string_view last) {
    if (is_all(first, kFirstContinuation) && is_all(last, kLastContinuation)) {
      return builder_.add_bytes(from, lead, lead, any(first.size()));
    }
    const int32_t next = builder_.add_node();
    builder_.add_bytes(from, lead, lead, next);
    add_equally_long(next, first, last);
  }

  AutomatonBuilder& builder_;
  int32_t any_[4];
};

}  // namespace

int32_t AutomatonBuilder::add_rule(std::string name) {
  const int32_t before = rule_;
  rule_ = rules();
  rules_.push_back({std::move(name), 0, 0});
  rules_.back().start = add_node();
  rules_.back().end = add_node();
  return std::exchange(rule_, before);
}

int32_t AutomatonBuilder::add_node() {
  if (rule_of_.size() >= kMaxNodes) {
    full_ = true;
    return 0;
  }
  rule_of_.push_back(rule_);
  return static_cast<int32_t>(rule_of_.size() - 1);
}

void AutomatonBuilder::add(const Edge& edge, int32_t from) {
  if (edges_.size() >= kMaxEdges) full_ = true;
  if (!full_) edges_.push_back({from, edge});
}

int32_t AutomatonBuilder::byte(int32_t from, char byte) {
  const int32_t to = add_node();
  add_bytes(from, static_cast<uint8_t>(byte), static_cast<uint8_t>(byte), to);
  return to;
}

int32_t AutomatonBuilder::text(int32_t from, std::string_view text) {
  for (const char c : text) from = byte(from, c);
  return from;
}

int32_t AutomatonBuilder::call(int32_t from, int32_t rule) {
  const int32_t to = add_node();
  add({Edge::Kind::kCall, 0, 0, to, rule}, from);
  return to;
}

int32_t AutomatonBuilder::character(int32_t from, const CodePointSet& set) {
  const int32_t to = add_node();
  add_character(from, set, to);
  return to;
}

void AutomatonBuilder::add_character(int32_t from, const CodePointSet& set, int32_t to) {
  Utf8Edges edges(*this, to);
  for (const CodePointRange& range : set.ranges()) {
    if (full_) return;
    edges.add(from, range);
  }
}

}  // namespace lanewise::grammar
