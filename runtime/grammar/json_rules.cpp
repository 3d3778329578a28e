#include "runtime/grammar/json_rules.hpp"

#include <array>
#include <map>
#include <utility>
#include <vector>

#include "runtime/grammar/expression.hpp"
#include "runtime/grammar/regex.hpp"
#include "runtime/text/utf8.hpp"

namespace lanewise::grammar {
namespace {

// Ten levels of the usual indentation by two or four spaces, nearly.
constexpr int kMaxIndentation = 32;

// The digits are limited so that every number is a finite double.
constexpr std::string_view kIntegerPattern = "-?(?:0|[1-9][0-9]{0,17})";
constexpr std::string_view kNumberPattern =
    "-?(?:0|[1-9][0-9]{0,17})(?:\\.[0-9]{1,17})?"
    "(?:[eE](?:\\+?(?:[0-9]{1,2}|1[0-9]{2}|2[0-7][0-9])|-[0-9]{1,3}))?";

// Surrogates only in pairs.
constexpr std::string_view kEscape =
    "[\"\\\\/bfnrt]|u(?:[0-9a-cefA-CEF][0-9a-fA-F]{3}|[dD][0-7][0-9a-fA-F]{2}|"
    "[dD][89abAB][0-9a-fA-F]{2}\\\\u[dD][c-fC-F][0-9a-fA-F]{2})";

/// What a string cannot contain as itself.
const CodePointSet& escaped() {
  static const CodePointSet set({{0, 0x1F}, {'"', '"'}, {'\\', '\\'}});
  return set;
}

const CodePointSet& unescaped() {
  static const CodePointSet set = escaped().complement();
  return set;
}

/// The shortest escape of a character.
std::string escape_of(char32_t character) {
  switch (character) {
    case '"':
      return "\\\"";
    case '\\':
      return "\\\\";
    case '\b':
      return "\\b";
    case '\f':
      return "\\f";
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    default: {
      constexpr std::string_view kDigits = "0123456789abcdef";
      return std::string("\\u00") + kDigits[character >> 4] + kDigits[character & 15];
    }
  }
}

/// The names that a key must not be, as a tree of their characters.
struct NameTree {
  struct Node {
    std::map<char32_t, size_t> children;
    bool is_name = false;
  };

  explicit NameTree(std::span<const std::string> names) : nodes(1) {
    for (const std::string& name : names) add(name);
  }

  void add(std::string_view name) {
    size_t node = 0;
    for (size_t i = 0; i < name.size();) {
      const text::CodePoint next = text::decode_at(name, i);
      i += static_cast<size_t>(next.length);
      const auto [place, added] = nodes[node].children.emplace(next.value, nodes.size());
      node = place->second;
      if (added) nodes.emplace_back();
    }
    nodes[node].is_name = true;
  }

  std::vector<Node> nodes;
};

}  // namespace

template <typename Content>
int32_t JsonRules::rule(const char* name, const Content& content) {
  if (const auto known = rules_.find(name); known != rules_.end()) return known->second;
  const int32_t made = builder_.add_rule(std::string("JSON ") + name);
  rules_.emplace(name, made);
  const int32_t before = builder_.begin(made);
  content(builder_.start(made), builder_.end(made));
  builder_.begin(before);
  return made;
}

int32_t JsonRules::pattern_rule(const char* name, std::string_view pattern) {
  return rule(name, [&](int32_t from, int32_t to) {
    Expressions expressions;
    const auto parsed = parse_regex(pattern, RegexUse::kWholeText, expressions);
    builder_.add_empty(expressions.add_to(builder_, from, *parsed), to);
  });
}

int32_t JsonRules::number() { return pattern_rule("number", kNumberPattern); }
int32_t JsonRules::integer() { return pattern_rule("integer", kIntegerPattern); }
int32_t JsonRules::boolean() { return pattern_rule("boolean", "true|false"); }
int32_t JsonRules::null() { return pattern_rule("null", "null"); }
int32_t JsonRules::escape() { return pattern_rule("escape", kEscape); }

int32_t JsonRules::value() {
  return rule("value", [&](int32_t from, int32_t to) {
    for (const int32_t kind : {object(), array(), string(), number(), boolean(), null()}) {
      builder_.add_empty(builder_.call(from, kind), to);
    }
  });
}

int32_t JsonRules::object() {
  return rule("object", [&](int32_t from, int32_t to) {
    const int32_t open = space(builder_.byte(from, '{'));
    builder_.add_bytes(open, '}', '}', to);
    const int32_t member = builder_.add_node();
    builder_.add_empty(open, member);
    const int32_t name = builder_.call(member, string());
    const int32_t end = builder_.call(separator(name, ':'), value());
    builder_.add_empty(separator(end, ','), member);
    builder_.add_empty(closed(end, '}'), to);
  });
}

int32_t JsonRules::array() {
  return rule("array", [&](int32_t from, int32_t to) {
    const int32_t open = space(builder_.byte(from, '['));
    builder_.add_bytes(open, ']', ']', to);
    const int32_t element = builder_.add_node();
    builder_.add_empty(open, element);
    const int32_t end = builder_.call(element, value());
    builder_.add_empty(separator(end, ','), element);
    builder_.add_empty(closed(end, ']'), to);
  });
}

int32_t JsonRules::string() {
  return rule("string", [&](int32_t from, int32_t to) {
    const int32_t content = builder_.byte(from, '"');
    builder_.add_empty(any_character(content), content);
    builder_.add_bytes(content, '"', '"', to);
  });
}

int32_t JsonRules::space(int32_t from) {
  const int32_t end = builder_.add_node();
  builder_.add_empty(from, end);
  builder_.add_bytes(from, ' ', ' ', end);
  int32_t line = builder_.byte(from, '\n');
  for (int i = 0; i < kMaxIndentation; ++i) {
    builder_.add_empty(line, end);
    const int32_t next = builder_.add_node();
    builder_.add_bytes(line, ' ', ' ', next);
    builder_.add_bytes(line, '\t', '\t', next);
    line = next;
  }
  builder_.add_empty(line, end);
  return end;
}

int32_t JsonRules::any_character(int32_t from) {
  const int32_t to = builder_.character(from, unescaped());
  builder_.add_empty(builder_.call(builder_.byte(from, '\\'), escape()), to);
  return to;
}

int32_t JsonRules::character(int32_t from, const CodePointSet& set) {
  const int32_t to = builder_.character(from, set.without(escaped()));
  for (const CodePointRange& range : escaped().ranges()) {
    for (char32_t c = range.first; c <= range.last; ++c) {
      if (set.contains(c)) builder_.add_empty(builder_.text(from, escape_of(c)), to);
    }
  }
  return to;
}

int32_t JsonRules::quoted(int32_t from, std::string_view text) {
  from = builder_.byte(from, '"');
  for (const char c : text) {
    const bool special = escaped().contains(static_cast<unsigned char>(c));
    from = special ? builder_.text(from, escape_of(static_cast<unsigned char>(c)))
                   : builder_.byte(from, c);
  }
  return builder_.byte(from, '"');
}

int32_t JsonRules::quoted_other(int32_t from, std::span<const std::string> texts) {
  const int32_t to = builder_.add_node();
  const int32_t free = builder_.add_node();  // the key is none of the names already
  builder_.add_empty(character(free, CodePointSet::all()), free);
  builder_.add_bytes(free, '"', '"', to);
  const NameTree tree(texts);
  std::vector<std::pair<size_t, int32_t>> open{{0, builder_.byte(from, '"')}};
  while (!open.empty() && !builder_.full()) {
    const auto [node, at] = open.back();
    open.pop_back();
    std::vector<CodePointRange> named;
    for (const auto& [c, child] : tree.nodes[node].children) {
      named.push_back({c, c});
      open.emplace_back(child, character(at, CodePointSet({{c, c}})));
    }
    builder_.add_empty(character(at, CodePointSet(named).complement()), free);
    if (!tree.nodes[node].is_name) builder_.add_bytes(at, '"', '"', to);
  }
  return to;
}

}  // namespace lanewise::grammar
