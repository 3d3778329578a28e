#include "runtime/grammar/json_schema.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/json.hpp"
#include "base/json_text.hpp"
#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "runtime/grammar/expression.hpp"
#include "runtime/grammar/json_rules.hpp"
#include "runtime/grammar/number_range.hpp"
#include "runtime/grammar/regex.hpp"
#include "runtime/grammar/schema_members.hpp"
#include "runtime/grammar/schema_reader.hpp"
#include "runtime/grammar/string_formats.hpp"

namespace lanewise::grammar {
namespace {

using base::JsonValue;

// A schema of a megabyte has more text than any model reads.
constexpr size_t kMaxSchemaBytes = size_t{1} << 24;

class Compiler {
 public:
  explicit Compiler(const JsonValue& root) : root_(root), rules_(builder_) {}

  Result<Automaton> compile();

 private:
  Result<int32_t> rule_of(const Schema& schema);
  int32_t known_rule(uint32_t kinds);
  Status add_rule(const Schema& schema, int32_t rule);
  Status add_values(const Schema& schema, int32_t from, int32_t to);
  Status add_kinds(const Schema& schema, int32_t from, int32_t to);
  Status add_reference(const Schema& schema, int32_t from, int32_t to);
  Status add_listed(const Schema& schema, std::span<const JsonValue> values,
                    std::string_view keyword, int32_t from, int32_t to);
  Status add_alternatives(const Schema& schema, std::string_view keyword, int32_t from, int32_t to);
  Status add_all(const Schema& schema, int32_t from, int32_t to);
  Status add_object(const Schema& schema, int32_t from, int32_t to);
  Status add_array(const Schema& schema, int32_t from, int32_t to);
  Status add_string(const Schema& schema, int32_t from, int32_t to);
  Status add_number(const Schema& schema, bool integer, int32_t from, int32_t to);

  Status add_members(const Members& members, int32_t from, int32_t to);
  Status add_others(const Members& members, int32_t from, int32_t end);
  Result<int32_t> add_member(int32_t from, const Members::Member& member);
  Result<int32_t> call(int32_t from, const Schema& schema);
  int32_t add_literal(int32_t from, const JsonValue& value);
  Status add_regex(const Schema& schema, std::string_view pattern, RegexUse use, int32_t from,
                   int32_t to);

  const JsonValue& root_;
  AutomatonBuilder builder_;
  JsonRules rules_;
  std::map<const JsonValue*, int32_t> known_;
  std::vector<std::pair<Schema, int32_t>> open_;  // rules without content
};

Result<Automaton> Compiler::compile() {
  builder_.add_rule("#");
  const Schema root{&root_, "#"};
  open_.emplace_back(root, 0);
  known_[&root_] = 0;
  while (!open_.empty()) {
    const auto [schema, rule] = std::move(open_.back());
    open_.pop_back();
    LW_RETURN_IF_ERROR(add_rule(schema, rule));
    if (builder_.full()) break;
  }
  Result<Automaton> made = builder_.build();
  if (made.ok()) return made;
  if (made.status().message() == "no text matches") {
    return invalid_argument("schema: no value satisfies it");
  }
  return made.status().with_context("schema");
}

/// The rule of a schema, whose content is added later: schemas may refer to themselves.
Result<int32_t> Compiler::rule_of(const Schema& schema) {
  LW_RETURN_IF_ERROR(check_keywords(schema));
  if (schema.allows_all()) return rules_.value();
  if (const auto found = known_.find(schema.value); found != known_.end()) return found->second;
  int32_t rule = -1;
  const JsonValue* type = schema.find("type");
  if (type != nullptr && check_alone(schema, "type", {}).ok()) {
    LW_ASSIGN_OR_RETURN(const uint32_t kinds, kinds_of(schema));
    rule = known_rule(kinds);
  }
  if (rule < 0) {
    rule = builder_.add_rule(schema.place);
    open_.emplace_back(schema, rule);
  }
  known_[schema.value] = rule;
  return rule;
}

/// The rule for all values of one kind, or -1.
int32_t Compiler::known_rule(uint32_t kinds) {
  switch (kinds) {
    case kObject:
      return rules_.object();
    case kArray:
      return rules_.array();
    case kString:
      return rules_.string();
    case kNumber:
      return rules_.number();
    case kInteger:
      return rules_.integer();
    case kBoolean:
      return rules_.boolean();
    case kNull:
      return rules_.null();
    default:
      return -1;
  }
}

Result<int32_t> Compiler::call(int32_t from, const Schema& schema) {
  LW_ASSIGN_OR_RETURN(const int32_t rule, rule_of(schema));
  return builder_.call(from, rule);
}

Status Compiler::add_rule(const Schema& schema, int32_t rule) {
  builder_.begin(rule);
  return add_values(schema, builder_.start(rule), builder_.end(rule));
}

Status Compiler::add_values(const Schema& schema, int32_t from, int32_t to) {
  LW_RETURN_IF_ERROR(check_keywords(schema));
  if (schema.allows_all()) {
    builder_.add_empty(builder_.call(from, rules_.value()), to);
    return {};
  }
  if (schema.value->is_boolean()) return {};  // false: nothing
  if (schema.has("$ref")) return add_reference(schema, from, to);
  if (const JsonValue* value = schema.find("const")) {
    return add_listed(schema, {value, 1}, "const", from, to);
  }
  if (const JsonValue* values = schema.find("enum")) {
    if (!values->is_array()) return schema.wrong("'enum': expected a list");
    return add_listed(schema, values->elements(), "enum", from, to);
  }
  for (const std::string_view keyword : {"anyOf", "oneOf"}) {
    if (schema.has(keyword)) return add_alternatives(schema, keyword, from, to);
  }
  if (schema.has("allOf")) return add_all(schema, from, to);
  return add_kinds(schema, from, to);
}

Status Compiler::add_kinds(const Schema& schema, int32_t from, int32_t to) {
  LW_ASSIGN_OR_RETURN(uint32_t kinds, kinds_of(schema));
  if (kinds == 0 || (kinds == kNull && !schema.has("type"))) {
    // No kind is named, and no keyword is about one: `nullable` alone.
    builder_.add_empty(builder_.call(from, rules_.value()), to);
    return {};
  }
  if ((kinds & kNumber) != 0) kinds &= ~uint32_t{kInteger};
  if ((kinds & kObject) != 0) LW_RETURN_IF_ERROR(add_object(schema, from, to));
  if ((kinds & kArray) != 0) LW_RETURN_IF_ERROR(add_array(schema, from, to));
  if ((kinds & kString) != 0) LW_RETURN_IF_ERROR(add_string(schema, from, to));
  if ((kinds & kNumber) != 0) LW_RETURN_IF_ERROR(add_number(schema, false, from, to));
  if ((kinds & kInteger) != 0) LW_RETURN_IF_ERROR(add_number(schema, true, from, to));
  if ((kinds & kBoolean) != 0) builder_.add_empty(builder_.call(from, rules_.boolean()), to);
  if ((kinds & kNull) != 0) builder_.add_empty(builder_.call(from, rules_.null()), to);
  return {};
}

Status Compiler::add_reference(const Schema& schema, int32_t from, int32_t to) {
  LW_RETURN_IF_ERROR(check_alone(schema, "$ref", {}));
  LW_ASSIGN_OR_RETURN(const auto reference, schema.string("$ref"));
  LW_ASSIGN_OR_RETURN(const Schema target, resolve(root_, schema, *reference));
  LW_ASSIGN_OR_RETURN(const int32_t end, call(from, target));
  builder_.add_empty(end, to);
  return {};
}

/// Values that are written out. Their beginnings share nodes.
Status Compiler::add_listed(const Schema& schema, std::span<const JsonValue> values,
                            std::string_view keyword, int32_t from, int32_t to) {
  LW_RETURN_IF_ERROR(check_alone(schema, keyword, {"type", "nullable"}));
  LW_ASSIGN_OR_RETURN(const uint32_t kinds, kinds_of(schema));
  std::map<std::pair<int32_t, char>, int32_t> tree;
  for (const JsonValue& value : values) {
    if (schema.has("type") && (kinds & kinds_of_value(value)) == 0) continue;
    if (value.is_array() || value.is_object()) {
      builder_.add_empty(add_literal(from, value), to);
      continue;
    }
    int32_t at = from;
    for (const char c : base::json_text(value)) {
      const auto [place, added] = tree.emplace(std::pair(at, c), 0);
      if (added) place->second = builder_.byte(at, c);
      at = place->second;
    }
    builder_.add_empty(at, to);
  }
  return {};
}

/// A value as it is, with any white space that JSON may have here.
int32_t Compiler::add_literal(int32_t from, const JsonValue& value) {
  if (value.is_string()) return rules_.quoted(from, value.string());
  if (value.is_array()) {
    from = builder_.byte(from, '[');
    bool first = true;
    for (const JsonValue& element : value.elements()) {
      from = first ? rules_.space(from) : rules_.separator(from, ',');
      from = add_literal(from, element);
      first = false;
    }
    return rules_.closed(from, ']');
  }
  if (value.is_object()) {
    from = builder_.byte(from, '{');
    bool first = true;
    for (const base::JsonMember& member : value.members()) {
      from = first ? rules_.space(from) : rules_.separator(from, ',');
      from = rules_.separator(rules_.quoted(from, member.name), ':');
      from = add_literal(from, member.value);
      first = false;
    }
    return rules_.closed(from, '}');
  }
  return builder_.text(from, base::json_text(value));
}

Status Compiler::add_alternatives(const Schema& schema, std::string_view keyword, int32_t from,
                                  int32_t to) {
  LW_RETURN_IF_ERROR(check_alone(schema, keyword, {"nullable"}));
  const JsonValue& list = *schema.find(keyword);
  if (!list.is_array() || list.elements().empty()) {
    return schema.wrong(base::in_quotes(keyword) + ": expected a list of schemas");
  }
  for (size_t i = 0; i < list.elements().size(); ++i) {
    LW_ASSIGN_OR_RETURN(const int32_t end, call(from, schema.element(keyword, i)));
    builder_.add_empty(end, to);
  }
  LW_ASSIGN_OR_RETURN(const uint32_t kinds, kinds_of(schema));
  if ((kinds & kNull) != 0) builder_.add_empty(builder_.call(from, rules_.null()), to);
  return {};
}

Status Compiler::add_all(const Schema& schema, int32_t from, int32_t to) {
  LW_ASSIGN_OR_RETURN(const std::vector<Schema> parts, parts_of_all(root_, schema));
  if (parts.empty()) {
    builder_.add_empty(builder_.call(from, rules_.value()), to);
    return {};
  }
  if (parts.size() == 1 && parts[0].value != schema.value) {
    LW_ASSIGN_OR_RETURN(const int32_t end, call(from, parts[0]));
    builder_.add_empty(end, to);
    return {};
  }
  LW_ASSIGN_OR_RETURN(const std::optional<Members> members, members_of_all(schema, parts));
  return members ? add_members(*members, from, to) : Status();
}

Status Compiler::add_object(const Schema& schema, int32_t from, int32_t to) {
  LW_ASSIGN_OR_RETURN(const Members members, members_of(schema));
  return add_members(members, from, to);
}

/// `"name": value`, and the node behind it.
Result<int32_t> Compiler::add_member(int32_t from, const Members::Member& member) {
  return call(rules_.separator(rules_.quoted(from, member.name), ':'), member.schema);
}

/// An object. Members come in their order; optional ones may be missing.
///
/// next[i] is where member i or a later one must begin; after[i] is behind member i - 1.
Status Compiler::add_members(const Members& members, int32_t from, int32_t to) {
  const size_t count = members.named.size();
  std::vector<int32_t> next(count + 1);
  for (int32_t& node : next) node = builder_.add_node();
  const int32_t open = rules_.space(builder_.byte(from, '{'));
  builder_.add_empty(open, next[0]);
  const int32_t closing = builder_.add_node();
  builder_.add_empty(rules_.closed(closing, '}'), to);
  bool may_close = true;
  const int32_t last = builder_.add_node();
  builder_.add_empty(last, closing);
  if (members.others) {
    LW_RETURN_IF_ERROR(add_others(members, next[count], last));
    builder_.add_empty(rules_.separator(last, ','), next[count]);
  }
  for (size_t i = count; i-- > 0 && !builder_.full();) {
    const Members::Member& member = members.named[i];
    LW_ASSIGN_OR_RETURN(const int32_t after, add_member(next[i], member));
    if (i + 1 < count || members.others) {
      builder_.add_empty(rules_.separator(after, ','), next[i + 1]);
    }
    if (may_close) builder_.add_empty(after, closing);
    if (!member.required) builder_.add_empty(next[i], next[i + 1]);
    may_close = may_close && !member.required;
  }
  if (may_close) builder_.add_bytes(open, '}', '}', to);
  return {};
}

Status Compiler::add_others(const Members& members, int32_t from, int32_t end) {
  std::vector<std::string> names;
  for (const Members::Member& member : members.named) names.push_back(member.name);
  const int32_t name =
      names.empty() ? builder_.call(from, rules_.string()) : rules_.quoted_other(from, names);
  LW_ASSIGN_OR_RETURN(const int32_t value, call(rules_.separator(name, ':'), *members.others));
  builder_.add_empty(value, end);
  return {};
}

Status Compiler::add_array(const Schema& schema, int32_t from, int32_t to) {
  std::vector<Schema> first;
  std::optional<Schema> rest;
  const JsonValue* items = schema.find("items");
  const bool old_tuple = items != nullptr && items->is_array();
  const std::string_view tuple = old_tuple ? "items" : "prefixItems";
  const std::string_view others = old_tuple ? "additionalItems" : "items";
  if (const JsonValue* list = schema.find(tuple)) {
    if (!list->is_array()) return schema.wrong("'prefixItems': expected a list of schemas");
    for (size_t i = 0; i < list->elements().size(); ++i) first.push_back(schema.element(tuple, i));
  }
  if (schema.has(others)) {
    rest = schema.member(others);
  } else if (first.empty()) {
    rest = anything(schema);
  }
  LW_ASSIGN_OR_RETURN(const std::optional<int64_t> least, schema.count("minItems"));
  LW_ASSIGN_OR_RETURN(const std::optional<int64_t> most, schema.count("maxItems"));
  const int64_t min = least.value_or(0);
  const int32_t closing = builder_.add_node();
  builder_.add_empty(rules_.closed(closing, ']'), to);
  int32_t at = builder_.byte(from, '[');
  if (min == 0) builder_.add_empty(at, closing);
  // Without a limit, an element behind all that are counted returns to the same node.
  const int64_t counted =
      most.value_or(std::max<int64_t>({min, static_cast<int64_t>(first.size()), 1}));
  for (int64_t i = 0; i < counted && !builder_.full(); ++i) {
    const bool in_tuple = i < static_cast<int64_t>(first.size());
    if (!in_tuple && !rest) return {};
    const int32_t begin = i == 0 ? rules_.space(at) : rules_.separator(at, ',');
    LW_ASSIGN_OR_RETURN(at, call(begin, in_tuple ? first[static_cast<size_t>(i)] : *rest));
    if (i + 1 >= min) builder_.add_empty(at, closing);
  }
  if (most || !rest) return {};
  LW_ASSIGN_OR_RETURN(const int32_t more, call(rules_.separator(at, ','), *rest));
  builder_.add_empty(more, at);
  return {};
}

Status Compiler::add_regex(const Schema& schema, std::string_view pattern, RegexUse use,
                           int32_t from, int32_t to) {
  Expressions expressions;
  const Result<Expressions::Id> parsed = parse_regex(pattern, use, expressions);
  if (!parsed.ok()) {
    return parsed.status().with_context("schema: " + base::in_quotes(schema.place));
  }
  const auto write = [this](AutomatonBuilder&, int32_t node, const CodePointSet& set) {
    return rules_.character(node, set);
  };
  const int32_t end = expressions.add_to(builder_, builder_.byte(from, '"'), *parsed, write);
  builder_.add_bytes(end, '"', '"', to);
  return {};
}

Status Compiler::add_string(const Schema& schema, int32_t from, int32_t to) {
  LW_ASSIGN_OR_RETURN(const std::optional<int64_t> least, schema.count("minLength"));
  LW_ASSIGN_OR_RETURN(const std::optional<int64_t> most, schema.count("maxLength"));
  LW_ASSIGN_OR_RETURN(const auto pattern, schema.string("pattern"));
  LW_ASSIGN_OR_RETURN(const auto format, schema.string("format"));
  if ((pattern || format) && (least || most || (pattern && format))) {
    return schema.lacking("only one of 'pattern', 'format' and lengths is supported");
  }
  if (pattern) return add_regex(schema, *pattern, RegexUse::kAnyPart, from, to);
  if (format) {
    const std::string known = pattern_of_format(*format);
    if (known.empty()) {
      return schema.lacking("format " + base::in_quotes(*format) + " is not supported");
    }
    return add_regex(schema, known, RegexUse::kWholeText, from, to);
  }
  if (!least && !most) {
    builder_.add_empty(builder_.call(from, rules_.string()), to);
    return {};
  }
  int32_t at = builder_.byte(from, '"');
  int64_t length = 0;
  for (; length < least.value_or(0) && !builder_.full(); ++length) at = rules_.any_character(at);
  builder_.add_bytes(at, '"', '"', to);
  if (!most) {
    builder_.add_empty(rules_.any_character(at), at);
    return {};
  }
  if (*most < least.value_or(0)) return schema.wrong("'maxLength' is less than 'minLength'");
  for (; length < *most && !builder_.full(); ++length) {
    at = rules_.any_character(at);
    builder_.add_bytes(at, '"', '"', to);
  }
  return {};
}

/// The integer that a limit comes down to, held within 64 bits.
std::optional<int64_t> whole_limit(const std::optional<NumberBound>& bound, bool lower) {
  constexpr double kLimit = 2e18;
  if (!bound) return std::nullopt;
  double value = lower ? std::ceil(bound->value) : std::floor(bound->value);
  if (bound->excluded && value == bound->value) value += lower ? 1.0 : -1.0;
  return static_cast<int64_t>(std::clamp(value, -kLimit, kLimit));
}

Status Compiler::add_number(const Schema& schema, bool integer, int32_t from, int32_t to) {
  LW_ASSIGN_OR_RETURN(const std::optional<NumberBound> min, schema.lower_bound());
  LW_ASSIGN_OR_RETURN(const std::optional<NumberBound> max, schema.upper_bound());
  if (!min && !max) {
    const int32_t rule = integer ? rules_.integer() : rules_.number();
    builder_.add_empty(builder_.call(from, rule), to);
    return {};
  }
  if (integer) {
    add_integers(builder_, from, whole_limit(min, true), whole_limit(max, false), to);
    return {};
  }
  const Status added = add_decimals(builder_, from, min, max, to);
  return added.with_context("schema: " + base::in_quotes(schema.place));
}

}  // namespace

Result<Automaton> json_schema_automaton(std::string_view schema) {
  const Result<base::JsonDocument> parsed = base::parse_json_in_order(schema, kMaxSchemaBytes);
  if (!parsed.ok()) return parsed.status().with_context("schema");
  return Compiler(parsed->root()).compile();
}

Result<Automaton> json_automaton() {
  AutomatonBuilder builder;
  JsonRules rules(builder);
  builder.begin(builder.add_rule("JSON"));
  builder.add_empty(builder.call(builder.start(0), rules.value()), builder.end(0));
  return builder.build();
}

}  // namespace lanewise::grammar
