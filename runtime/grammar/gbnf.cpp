#include "runtime/grammar/gbnf.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "runtime/grammar/characters.hpp"
#include "runtime/grammar/expression.hpp"
#include "runtime/text/utf8.hpp"

namespace lanewise::grammar {
namespace {

using Id = Expressions::Id;

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

class GbnfParser {
 public:
  explicit GbnfParser(std::string_view grammar) : grammar_(grammar) {}

  Result<Automaton> parse();

 private:
  struct Rule {
    std::string name;
    size_t used_line;     ///< where it first appears
    size_t defined_line;  ///< 0: not yet
    Id content;
  };

  bool at_end() const { return at_ == grammar_.size(); }
  bool sees(char c) const { return !at_end() && grammar_[at_] == c; }
  bool takes(std::string_view text) {
    if (!grammar_.substr(at_).starts_with(text)) return false;
    at_ += text.size();
    return true;
  }
  size_t line_at(size_t at) const {
    const auto end = grammar_.begin() + static_cast<std::ptrdiff_t>(at);
    return static_cast<size_t>(std::count(grammar_.begin(), end, '\n')) + 1;
  }
  static Status wrong(size_t line, std::string_view what) {
    return invalid_argument("grammar: line " + std::to_string(line) + ": " + std::string(what));
  }
  Status wrong(std::string_view what) const { return wrong(line_at(at_), what); }
  std::string found() const {
    if (at_end()) return "the end";
    if (sees('\n') || sees('\r')) return "the end of the line";
    const auto length = static_cast<size_t>(text::decode_at(grammar_, at_).length);
    return base::in_quotes(grammar_.substr(at_, length));
  }

  void skip_space(bool over_lines);
  bool continues_below();
  std::string_view name();
  int32_t rule_of(std::string_view name);
  Status parse_rule();
  Result<Id> alternatives(bool nested);
  Result<Id> sequence(bool nested);
  Result<Id> item(bool nested);
  Result<Id> repeated(Id part);
  Result<Id> literal();
  Result<Id> bracket();
  Result<char32_t> character(std::string_view within);
  Result<char32_t> hex(size_t digits);
  std::optional<int32_t> number();
  Status check_rules() const;

  std::string_view grammar_;
  size_t at_ = 0;
  int depth_ = 0;
  Expressions expressions_;
  std::vector<Rule> rules_;
  std::map<std::string, int32_t, std::less<>> numbers_;
};

void GbnfParser::skip_space(bool over_lines) {
  while (!at_end()) {
    const char c = grammar_[at_];
    if (c == '#') {
      while (!at_end() && !sees('\n') && !sees('\r')) ++at_;
    } else if (c == ' ' || c == '\t' || (over_lines && (c == '\n' || c == '\r'))) {
      ++at_;
    } else {
      return;
    }
  }
}

/// Whether the next line with content begins with `|`; moves there if it does.
bool GbnfParser::continues_below() {
  const size_t before = at_;
  skip_space(true);
  if (sees('|')) return true;
  at_ = before;
  return false;
}

std::string_view GbnfParser::name() {
  const size_t begin = at_;
  while (!at_end() && is_name_character(grammar_[at_])) ++at_;
  return grammar_.substr(begin, at_ - begin);
}

int32_t GbnfParser::rule_of(std::string_view name) {
  const auto found = numbers_.find(name);
  if (found != numbers_.end()) return found->second;
  const auto number = static_cast<int32_t>(rules_.size());
  rules_.push_back({std::string(name), line_at(at_), 0, 0});
  numbers_.emplace(name, number);
  return number;
}

Status GbnfParser::parse_rule() {
  const size_t line = line_at(at_);
  const std::string_view left = name();
  if (left.empty()) return wrong("expected the name of a rule, found " + found());
  const auto rule = static_cast<size_t>(rule_of(left));
  skip_space(false);
  if (!takes("::=")) {
    return wrong("expected '::=' behind " + base::in_quotes(left) + ", found " + found());
  }
  if (rules_[rule].defined_line > 0) {
    return wrong(line, "rule " + base::in_quotes(left) + " is already defined in line " +
                           std::to_string(rules_[rule].defined_line));
  }
  rules_[rule].defined_line = line;
  skip_space(true);
  LW_ASSIGN_OR_RETURN(rules_[rule].content, alternatives(false));
  if (!at_end() && !sees('\n') && !sees('\r')) {
    return wrong("expected an element or the end of the line, found " + found());
  }
  return {};
}

Result<Id> GbnfParser::alternatives(bool nested) {
  if (++depth_ > kMaxNesting) return wrong("groups nest too deeply");
  std::vector<Id> list;
  do {
    skip_space(nested || !list.empty());
    LW_ASSIGN_OR_RETURN(const Id part, sequence(nested));
    list.push_back(part);
    if (!nested) continues_below();
  } while (takes("|"));
  --depth_;
  return list.size() == 1 ? list[0] : expressions_.choice(std::move(list));
}

Result<Id> GbnfParser::sequence(bool nested) {
  std::vector<Id> parts;
  while (true) {
    skip_space(nested);
    if (at_end() || sees('|') || sees(')') || sees('\n') || sees('\r')) break;
    LW_ASSIGN_OR_RETURN(const Id part, item(nested));
    parts.push_back(part);
  }
  return expressions_.sequence(std::move(parts));
}

Result<Id> GbnfParser::item(bool nested) {
  Id part = 0;
  if (sees('"')) {
    LW_ASSIGN_OR_RETURN(part, literal());
  } else if (sees('[')) {
    LW_ASSIGN_OR_RETURN(part, bracket());
  } else if (takes(".")) {
    part = expressions_.character(CodePointSet::all());
  } else if (sees('(')) {
    const size_t line = line_at(at_++);
    LW_ASSIGN_OR_RETURN(part, alternatives(true));
    if (!takes(")")) return wrong(line, "'(' is not closed");
  } else if (sees('<')) {
    return wrong("tokens in angle brackets are not supported");
  } else {
    const std::string_view used = name();
    if (used.empty()) return wrong("expected an element, found " + found());
    part = expressions_.rule(rule_of(used));
  }
  const size_t end = at_;
  skip_space(nested);
  if (sees('*') || sees('+') || sees('?') || sees('{')) return repeated(part);
  at_ = end;
  return part;
}

std::optional<int32_t> GbnfParser::number() {
  std::optional<int32_t> value;
  while (!at_end() && grammar_[at_] >= '0' && grammar_[at_] <= '9') {
    value = std::min(value.value_or(0) * 10 + (grammar_[at_] - '0'), kMaxCount + 1);
    ++at_;
  }
  return value;
}

Result<Id> GbnfParser::repeated(Id part) {
  if (takes("*")) return expressions_.repeat(part, 0, Expressions::kUnlimited);
  if (takes("+")) return expressions_.repeat(part, 1, Expressions::kUnlimited);
  if (takes("?")) return expressions_.repeat(part, 0, 1);
  ++at_;
  skip_space(false);
  const std::optional<int32_t> least = number();
  std::optional<int32_t> most = least;
  skip_space(false);
  bool limited = true;
  if (takes(",")) {
    skip_space(false);
    most = number();
    limited = most.has_value();
    skip_space(false);
  }
  if (!takes("}") || (!least && !most)) return wrong("expected {m}, {m,}, {,n} or {m,n}");
  const int32_t min = least.value_or(0);
  if (min > kMaxCount || (limited && *most > kMaxCount)) {
    return wrong("a count above " + std::to_string(kMaxCount));
  }
  if (limited && *most < min) return wrong("the counts are reversed");
  return expressions_.repeat(part, min, limited ? *most : Expressions::kUnlimited);
}

Result<char32_t> GbnfParser::hex(size_t digits) {
  uint32_t value = 0;
  for (size_t i = 0; i < digits; ++i) {
    const std::optional<uint32_t> digit = at_end() ? std::nullopt : hex_value(grammar_[at_]);
    if (!digit) return wrong("a hexadecimal escape is too short");
    value = value * 16 + *digit;
    ++at_;
  }
  if (value > kLastCodePoint || (value >= 0xD800 && value <= 0xDFFF)) {
    return wrong("an escape is not a character");
  }
  return static_cast<char32_t>(value);
}

/// The next character of a literal or a class.
Result<char32_t> GbnfParser::character(std::string_view within) {
  if (at_end()) return wrong(std::string(within) + " is not closed");
  if (!takes("\\")) {
    const text::CodePoint next = text::decode_at(grammar_, at_);
    at_ += static_cast<size_t>(next.length);
    return next.value;
  }
  if (takes("n")) return U'\n';
  if (takes("r")) return U'\r';
  if (takes("t")) return U'\t';
  if (takes("x")) return hex(2);
  if (takes("u")) return hex(4);
  if (takes("U")) return hex(8);
  for (const std::string_view literal : {"\\", "\"", "[", "]", "-", "^", "/"}) {
    if (takes(literal)) return static_cast<char32_t>(literal[0]);
  }
  return wrong("unknown escape '\\' before " + found());
}

Result<Id> GbnfParser::literal() {
  const size_t line = line_at(at_++);
  std::vector<Id> parts;
  while (!takes("\"")) {
    if (at_end()) return wrong(line, "'\"' is not closed");
    LW_ASSIGN_OR_RETURN(const char32_t next, character("'\"'"));
    parts.push_back(expressions_.character(CodePointSet({{next, next}})));
  }
  return expressions_.sequence(std::move(parts));
}

Result<Id> GbnfParser::bracket() {
  const size_t line = line_at(at_++);
  const bool negated = takes("^");
  std::vector<CodePointRange> ranges;
  while (!takes("]")) {
    if (at_end()) return wrong(line, "'[' is not closed");
    LW_ASSIGN_OR_RETURN(const char32_t low, character("'['"));
    char32_t high = low;
    if (sees('-') && at_ + 1 < grammar_.size() && grammar_[at_ + 1] != ']') {
      ++at_;
      LW_ASSIGN_OR_RETURN(high, character("'['"));
    }
    if (high < low) return wrong("a range is reversed");
    ranges.push_back({low, high});
  }
  CodePointSet set(ranges);
  return expressions_.character(negated ? set.complement() : std::move(set));
}

Status GbnfParser::check_rules() const {
  for (const Rule& rule : rules_) {
    if (rule.defined_line > 0) continue;
    return wrong(rule.used_line, "rule " + base::in_quotes(rule.name) + " is not defined");
  }
  return {};
}

Result<Automaton> GbnfParser::parse() {
  LW_RETURN_IF_ERROR(text::check_utf8(grammar_));
  rule_of("root");  // number 0
  rules_[0].used_line = 0;
  skip_space(true);
  while (!at_end()) {
    LW_RETURN_IF_ERROR(parse_rule());
    skip_space(true);
  }
  if (rules_[0].defined_line == 0) {
    const size_t last = grammar_.empty() ? 0 : grammar_.size() - 1;
    return wrong(line_at(last), "the rule 'root' is not defined");
  }
  LW_RETURN_IF_ERROR(check_rules());
  AutomatonBuilder builder;
  for (const Rule& rule : rules_) builder.add_rule(rule.name);
  for (int32_t i = 0; i < builder.rules(); ++i) {
    builder.begin(i);
    const Id content = rules_[static_cast<size_t>(i)].content;
    builder.add_empty(expressions_.add_to(builder, builder.start(i), content), builder.end(i));
  }
  const int32_t looping = builder.left_recursive_rule();
  if (looping >= 0) {
    const Rule& rule = rules_[static_cast<size_t>(looping)];
    return wrong(rule.defined_line,
                 "rule " + base::in_quotes(rule.name) + " begins with itself (left recursion)");
  }
  Result<Automaton> made = builder.build();
  if (!made.ok()) return made.status().with_context("grammar");
  return made;
}

}  // namespace

Result<Automaton> gbnf_automaton(std::string_view grammar) { return GbnfParser(grammar).parse(); }

}  // namespace lanewise::grammar
