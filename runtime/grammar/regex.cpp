#include "runtime/grammar/regex.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "runtime/grammar/characters.hpp"
#include "runtime/text/utf8.hpp"

namespace lanewise::grammar {
namespace {

using Id = Expressions::Id;
using Ranges = std::vector<CodePointRange>;

const Ranges kDigits{{'0', '9'}};
const Ranges kWord{{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
const Ranges kSpace{{'\t', '\r'}, {' ', ' '}};

/// The class of an escape such as \d, if it is one.
std::optional<CodePointSet> class_of(char letter) {
  switch (letter) {
    case 'd':
      return CodePointSet(kDigits);
    case 'D':
      return CodePointSet(kDigits).complement();
    case 'w':
      return CodePointSet(kWord);
    case 'W':
      return CodePointSet(kWord).complement();
    case 's':
      return CodePointSet(kSpace);
    case 'S':
      return CodePointSet(kSpace).complement();
    default:
      return std::nullopt;
  }
}

/// The control character of an escape such as \n, if it is one.
std::optional<char32_t> control_of(char letter) {
  switch (letter) {
    case 'n':
      return U'\n';
    case 't':
      return U'\t';
    case 'r':
      return U'\r';
    case 'f':
      return U'\f';
    case 'v':
      return U'\v';
    case '0':
      return U'\0';
    default:
      return std::nullopt;
  }
}

bool is_letter_or_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

class RegexParser {
 public:
  RegexParser(std::string_view pattern, RegexUse use, Expressions& into)
      : pattern_(pattern), use_(use), into_(into) {}

  Result<Id> parse() {
    LW_RETURN_IF_ERROR(text::check_utf8(pattern_));
    LW_ASSIGN_OR_RETURN(const Id whole, alternatives());
    if (!at_end()) return wrong("')' without '('");
    return whole;
  }

 private:
  bool at_end() const { return at_ == pattern_.size(); }
  bool sees(char c) const { return !at_end() && pattern_[at_] == c; }
  bool takes(std::string_view text) {
    if (!pattern_.substr(at_).starts_with(text)) return false;
    at_ += text.size();
    return true;
  }
  std::string place(size_t at) const { return " at byte " + std::to_string(at + 1); }
  Status wrong(std::string_view what, size_t at) const {
    return invalid_argument("regular expression: " + std::string(what) + place(at));
  }
  Status wrong(std::string_view what) const { return wrong(what, at_); }
  Status lacking(std::string_view what, size_t at) const {
    return unsupported("regular expression: " + std::string(what) + " is not supported" +
                       place(at));
  }

  Result<Id> alternatives();
  Result<Id> sequence();
  Result<Id> item();
  Result<Id> repeated(Id part);
  Result<Id> group();
  Status group_kind();
  Result<Id> escape();
  Result<char32_t> escaped_character(size_t begin);
  Result<char32_t> hex(size_t digits, size_t begin);
  Result<Id> bracket();
  Result<std::optional<char32_t>> bracket_item(Ranges& ranges);
  bool count(int32_t* min, int32_t* max);
  std::optional<int32_t> number();
  char32_t next_character();
  CodePointSet dot() const;
  Id anything();

  std::string_view pattern_;
  RegexUse use_;
  Expressions& into_;
  size_t at_ = 0;
  int depth_ = 0;
};

char32_t RegexParser::next_character() {
  const text::CodePoint next = text::decode_at(pattern_, at_);
  at_ += static_cast<size_t>(next.length);
  return next.value;
}

CodePointSet RegexParser::dot() const {
  Ranges excluded{{'\n', '\n'}};
  if (use_ == RegexUse::kAnyPart) {
    excluded.insert(excluded.end(), {{'\r', '\r'}, {0x2028, 0x2029}});
  }
  return CodePointSet(excluded).complement();
}

Id RegexParser::anything() {
  return into_.repeat(into_.character(CodePointSet::all()), 0, Expressions::kUnlimited);
}

Result<Id> RegexParser::alternatives() {
  if (++depth_ > kMaxNesting) return wrong("groups nest too deeply");
  std::vector<Id> list;
  do {
    LW_ASSIGN_OR_RETURN(const Id part, sequence());
    list.push_back(part);
  } while (takes("|"));
  --depth_;
  return list.size() == 1 ? list[0] : into_.choice(std::move(list));
}

/// One alternative, to the next `|` or `)`. Only those outside of all groups may have anchors.
Result<Id> RegexParser::sequence() {
  const bool outermost = depth_ == 1;
  const bool search = outermost && use_ == RegexUse::kAnyPart;
  std::vector<Id> parts;
  const bool from_start = outermost && takes("^");
  if (search && !from_start) parts.push_back(anything());
  bool to_end = false;
  while (!at_end() && !sees('|') && !sees(')')) {
    if (sees('$') && outermost && (at_ + 1 == pattern_.size() || pattern_[at_ + 1] == '|')) {
      ++at_;
      to_end = true;
      break;
    }
    LW_ASSIGN_OR_RETURN(const Id part, item());
    parts.push_back(part);
  }
  if (search && !to_end) parts.push_back(anything());
  return into_.sequence(std::move(parts));
}

Result<Id> RegexParser::item() {
  const size_t begin = at_;
  const char c = pattern_[at_];
  switch (c) {
    case '^':
    case '$':
      return lacking(std::string("'") + c + "' that is not at an end of the whole pattern", at_);
    case '*':
    case '+':
    case '?':
      return wrong(std::string("'") + c + "' has nothing to repeat");
    case '(': {
      ++at_;
      LW_RETURN_IF_ERROR(group_kind());
      LW_ASSIGN_OR_RETURN(const Id part, alternatives());
      if (!takes(")")) return wrong("'(' is not closed", begin);
      return repeated(part);
    }
    case '[': {
      LW_ASSIGN_OR_RETURN(const Id part, bracket());
      return repeated(part);
    }
    case '.':
      ++at_;
      return repeated(into_.character(dot()));
    case '\\': {
      LW_ASSIGN_OR_RETURN(const Id part, escape());
      return repeated(part);
    }
    default: {
      const char32_t character = next_character();
      return repeated(into_.character(CodePointSet({{character, character}})));
    }
  }
}

/// Reads what follows `(`, up to the content of the group.
Status RegexParser::group_kind() {
  if (!sees('?')) return {};
  const size_t begin = at_ - 1;
  if (takes("?:")) return {};
  if (takes("?P<") || (!pattern_.substr(at_).starts_with("?<=") &&
                       !pattern_.substr(at_).starts_with("?<!") && takes("?<"))) {
    while (!at_end() && is_letter_or_digit(pattern_[at_])) ++at_;
    while (sees('_') || (!at_end() && is_letter_or_digit(pattern_[at_]))) ++at_;
    return takes(">") ? Status() : wrong("the name of a group is not closed by '>'", begin);
  }
  for (const std::string_view look : {"?=", "?!", "?<=", "?<!"}) {
    if (pattern_.substr(at_).starts_with(look)) {
      return lacking("'(" + std::string(look) + "' (look-around)", begin);
    }
  }
  if (pattern_.substr(at_).starts_with("?P=")) return lacking("a back reference", begin);
  return lacking(
      "a group that begins with '(?" +
          (at_ + 1 < pattern_.size() ? base::in_quotes(pattern_.substr(at_ + 1, 1)).substr(1, 1)
                                     : std::string()) +
          "'",
      begin);
}

/// Reads the repetitions behind an item. Lazy ones match the same texts.
Result<Id> RegexParser::repeated(Id part) {
  bool again = false;
  while (!at_end()) {
    const size_t begin = at_;
    int32_t min = 0;
    int32_t max = Expressions::kUnlimited;
    if (takes("*")) {
    } else if (takes("+")) {
      min = 1;
    } else if (takes("?")) {
      max = 1;
    } else if (!sees('{') || !count(&min, &max)) {
      break;
    }
    if (again) return wrong("a repetition of a repetition", begin);
    again = true;
    if (max != Expressions::kUnlimited && max < min) return wrong("the counts are reversed", begin);
    if (min > kMaxCount || max > kMaxCount) {
      return wrong("a count above " + std::to_string(kMaxCount), begin);
    }
    part = into_.repeat(part, min, max);
    if (sees('+')) return lacking("a possessive repetition", begin);
    takes("?");
  }
  return part;
}

std::optional<int32_t> RegexParser::number() {
  std::optional<int32_t> value;
  while (!at_end() && pattern_[at_] >= '0' && pattern_[at_] <= '9') {
    // One above the limit stands for all greater ones.
    value = std::min(value.value_or(0) * 10 + (pattern_[at_] - '0'), kMaxCount + 1);
    ++at_;
  }
  return value;
}

/// Reads {m}, {m,} or {m,n}. Anything else that begins with `{` is text.
bool RegexParser::count(int32_t* min, int32_t* max) {
  const size_t begin = at_++;
  const std::optional<int32_t> least = number();
  std::optional<int32_t> most = least;
  bool limited = true;
  if (takes(",")) {
    most = number();
    limited = most.has_value();
  }
  if (!least || !takes("}")) {
    at_ = begin;
    return false;
  }
  *min = *least;
  *max = limited ? *most : Expressions::kUnlimited;
  return true;
}

Result<char32_t> RegexParser::hex(size_t digits, size_t begin) {
  uint32_t value = 0;
  for (size_t i = 0; i < digits; ++i) {
    const std::optional<uint32_t> digit = at_end() ? std::nullopt : hex_value(pattern_[at_]);
    if (!digit) return wrong("a hexadecimal escape is too short", begin);
    value = value * 16 + *digit;
    ++at_;
  }
  if (value > kLastCodePoint || (value >= 0xD800 && value <= 0xDFFF)) {
    return wrong("an escape is not a character", begin);
  }
  return static_cast<char32_t>(value);
}

/// The character of an escape, whose letter is next.
Result<char32_t> RegexParser::escaped_character(size_t begin) {
  if (at_end()) return wrong("'\\' at the end", begin);
  const char letter = pattern_[at_];
  if (letter == '0' && at_ + 1 < pattern_.size() &&
      hex_value(pattern_[at_ + 1]).value_or(10) < 10) {
    return lacking("an octal escape", begin);
  }
  if (const auto control = control_of(letter)) {
    ++at_;
    return *control;
  }
  if (takes("x")) return hex(2, begin);
  if (takes("u")) return hex(4, begin);
  if (takes("U")) return hex(8, begin);
  if (letter >= '1' && letter <= '9') {
    return lacking("'\\" + std::string(1, letter) + "' (a back reference)", begin);
  }
  if (is_letter_or_digit(letter)) return lacking("'\\" + std::string(1, letter) + "'", begin);
  return next_character();
}

Result<Id> RegexParser::escape() {
  const size_t begin = at_++;
  if (!at_end()) {
    if (auto set = class_of(pattern_[at_])) {
      ++at_;
      return into_.character(std::move(*set));
    }
  }
  LW_ASSIGN_OR_RETURN(const char32_t character, escaped_character(begin));
  return into_.character(CodePointSet({{character, character}}));
}

/// Reads one item of a class: a character, which may begin a range; or a class such as \d, which
/// is added to `ranges`.
Result<std::optional<char32_t>> RegexParser::bracket_item(Ranges& ranges) {
  const size_t begin = at_;
  if (pattern_.substr(at_).starts_with("[:"))
    return lacking("a POSIX class such as [:alpha:]", at_);
  if (pattern_[at_] != '\\') return std::optional(next_character());
  ++at_;
  if (!at_end()) {
    if (const auto set = class_of(pattern_[at_])) {
      ++at_;
      ranges.insert(ranges.end(), set->ranges().begin(), set->ranges().end());
      return std::optional<char32_t>();
    }
    if (takes("b")) return std::optional(U'\b');
  }
  LW_ASSIGN_OR_RETURN(const char32_t character, escaped_character(begin));
  return std::optional(character);
}

Result<Id> RegexParser::bracket() {
  const size_t begin = at_++;
  const bool negated = takes("^");
  Ranges ranges;
  // `]` is a character if it is the first one.
  for (bool first = true; !at_end() && (first || !sees(']')); first = false) {
    const size_t item_begin = at_;
    LW_ASSIGN_OR_RETURN(const std::optional<char32_t> low, bracket_item(ranges));
    if (!low) continue;
    std::optional<char32_t> high = low;
    if (sees('-') && at_ + 1 < pattern_.size() && pattern_[at_ + 1] != ']') {
      ++at_;
      LW_ASSIGN_OR_RETURN(high, bracket_item(ranges));
      if (!high) return wrong("a range that ends with a class", item_begin);
    }
    if (*high < *low) return wrong("a range is reversed", item_begin);
    ranges.push_back({*low, *high});
  }
  if (!takes("]")) return wrong("'[' is not closed", begin);
  CodePointSet set(ranges);
  return into_.character(negated ? set.complement() : std::move(set));
}

}  // namespace

Result<Id> parse_regex(std::string_view pattern, RegexUse use, Expressions& into) {
  return RegexParser(pattern, use, into).parse();
}

Result<Automaton> regex_automaton(std::string_view pattern) {
  Expressions expressions;
  LW_ASSIGN_OR_RETURN(const Id whole, parse_regex(pattern, RegexUse::kWholeText, expressions));
  AutomatonBuilder builder;
  builder.begin(builder.add_rule("regular expression"));
  builder.add_empty(expressions.add_to(builder, builder.start(0), whole), builder.end(0));
  Result<Automaton> made = builder.build();
  if (!made.ok()) return made.status().with_context("regular expression");
  return made;
}

}  // namespace lanewise::grammar
