#include <algorithm>
#include <string>
#include <vector>

#include "runtime/chat/access.hpp"
#include "runtime/chat/builtins.hpp"
#include "runtime/chat/operations.hpp"
#include "runtime/chat/printing.hpp"
#include "runtime/chat/text_functions.hpp"
#include "runtime/text/utf8.hpp"

namespace lanewise::chat {
namespace {

Result<Value> length_filter(Environment& environment, const Value& subject, Arguments) {
  LW_ASSIGN_OR_RETURN(const int64_t length, length_of(subject, environment.store));
  return Value::integer(length);
}

Result<Value> default_filter(Environment&, const Value& subject, Arguments arguments) {
  const bool replaces_false = !arguments[1].is_missing() && is_true(arguments[1]);
  if (!subject.is_undefined() && !(replaces_false && !is_true(subject))) return subject;
  return arguments[0].is_missing() ? Value::string("") : arguments[0];
}

Result<Value> list_filter(Environment& environment, const Value& subject, Arguments) {
  LW_ASSIGN_OR_RETURN(const auto elements, elements_of(subject, environment.store));
  return Value::list(elements);
}

/// Only one element of what may be large.
Result<Value> first(Environment& environment, const Value& subject, Arguments) {
  if (subject.is_string() && !subject.text().empty()) {
    const auto bytes = static_cast<size_t>(text::decode_at(subject.text(), 0).length);
    return Value::string(subject.text().substr(0, bytes));
  }
  if (subject.is(ValueKind::kStream)) {
    Stream& stream = subject.stream();
    if (stream.next < stream.items.size()) return stream.items[stream.next++];
  }
  LW_ASSIGN_OR_RETURN(const auto elements, elements_of(subject, environment.store));
  if (!elements.empty()) return elements.front();
  return Value::undefined("a sequence without elements has no first one");
}

Result<Value> last(Environment& environment, const Value& subject, Arguments) {
  if (subject.is(ValueKind::kStream)) return invalid_argument("an iterator has no last element");
  if (subject.is_string() && !subject.text().empty()) {
    const size_t begin = text::previous_code_point(subject.text(), subject.text().size());
    return Value::string(subject.text().substr(begin));
  }
  LW_ASSIGN_OR_RETURN(const auto elements, elements_of(subject, environment.store));
  if (!elements.empty()) return elements.back();
  return Value::undefined("a sequence without elements has no last one");
}

Result<Value> reverse(Environment& environment, const Value& subject, Arguments) {
  Store& store = environment.store;
  LW_ASSIGN_OR_RETURN(const auto elements, elements_of(subject, store));
  std::vector<Value> reversed(elements.rbegin(), elements.rend());
  if (subject.is_string()) return joined("", reversed, store);
  return subject.is(ValueKind::kStream) ? store.list(reversed) : store.stream(reversed);
}

Result<Value> join_sequence(Environment& environment, const Value& subject, Arguments arguments) {
  Store& store = environment.store;
  const Value separator = arguments[0].is_missing() ? Value::string("") : arguments[0];
  const Value attribute = arguments[1].is_missing() ? Value::none() : arguments[1];
  LW_ASSIGN_OR_RETURN(const auto elements, elements_of(subject, store));
  std::vector<Value> texts;
  for (const Value& element : elements) {
    LW_ASSIGN_OR_RETURN(const Value item, item_at_path(element, attribute, store));
    LW_ASSIGN_OR_RETURN(texts.emplace_back(), text_of(item, store));
  }
  LW_ASSIGN_OR_RETURN(const Value between, text_of(separator, store));
  return joined(between.text(), texts, store);
}

Result<Value> items(Environment& environment, const Value& subject, Arguments) {
  if (subject.is_undefined()) return environment.store.stream({});
  if (!subject.is_dict()) return invalid_argument(found_text(subject) + " has no items");
  const Value view = Value::view(ValueKind::kDictItems, subject);
  LW_ASSIGN_OR_RETURN(const auto elements, elements_of(view, environment.store));
  return environment.store.stream(elements);
}

constexpr Builtin kSequenceFilters[] = {
    {"length", length_filter},
    {"count", length_filter},
    {"default", default_filter, {"default_value", "boolean"}},
    {"d", default_filter, {"default_value", "boolean"}},
    {"list", list_filter},
    {"first", first},
    {"last", last},
    {"reverse", reverse},
    {"join", join_sequence, {"d", "attribute"}},
    {"items", items},
};

}  // namespace

std::span<const Builtin> sequence_filters() noexcept { return kSequenceFilters; }

}  // namespace lanewise::chat
