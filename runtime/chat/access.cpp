#include "runtime/chat/access.hpp"

#include <algorithm>
#include <charconv>
#include <string>

#include "base/messages.hpp"
#include "runtime/chat/builtins.hpp"
#include "runtime/chat/operations.hpp"
#include "runtime/chat/printing.hpp"
#include "runtime/chat/unicode.hpp"
#include "runtime/text/utf8.hpp"

namespace lanewise::chat {
namespace {

Result<Value> no_attribute(const Value& value, std::string_view name, Store& store) {
  const std::string quoted = base::in_quotes(name);
  const std::string_view message[] = {"'", type_name(value), " object' has no attribute ", quoted};
  return store.undefined(message);
}

/// A method, or nothing.
Result<Value> method_of(const Value& value, std::string_view name, Store& store) {
  const Builtin* builtin = find_method(value, name);
  if (builtin == nullptr) return Value();
  if (builtin->is_forbidden()) {
    const std::string_view message[] = {"the sandbox does not allow '", name, "' of a ",
                                        type_name(value)};
    return store.undefined(message);
  }
  LW_ASSIGN_OR_RETURN(const Method* const method, store.make(Method{value, builtin}));
  return Value::method(method);
}

/// An element with an integer as its place, missing if there is none.
Result<Value> element(const Value& value, int64_t index, Store& store) {
  LW_ASSIGN_OR_RETURN(const int64_t size, length_of(value, store));
  if (index < 0) index += size;
  if (index < 0 || index >= size) return Value();
  if (value.is_array()) return value.items()[static_cast<size_t>(index)];
  if (value.is(ValueKind::kRange)) {
    return Value::integer(value.range().start + index * value.range().step);
  }
  const std::string_view text = value.text();
  const size_t begin = byte_of(text, static_cast<size_t>(index));
  const auto bytes = static_cast<size_t>(text::decode_at(text, begin).length);
  return Value::string(text.substr(begin, bytes));
}

/// Where a slice begins and ends among `size` elements, as slice.indices() of Python has it.
struct Bounds {
  int64_t start;
  int64_t stop;
  int64_t step;
  int64_t count;
};

Result<Bounds> bounds_of(const Value& start, const Value& stop, const Value& step, int64_t size) {
  const int64_t stride = step.is_none() ? 1 : step.integer();
  if (stride == 0) return invalid_argument("the step of a slice is 0");
  const bool backwards = stride < 0;
  const auto place = [&](const Value& given, int64_t fallback) {
    if (given.is_none()) return fallback;
    const int64_t index = given.integer() < 0 ? given.integer() + size : given.integer();
    return std::clamp<int64_t>(index, backwards ? -1 : 0, backwards ? size - 1 : size);
  };
  const int64_t first = place(start, backwards ? size - 1 : 0);
  const int64_t last = place(stop, backwards ? -1 : size);
  const int64_t distance = backwards ? first - last : last - first;
  if (distance <= 0) return Bounds{first, last, stride, 0};
  // The step may be the least integer.
  const uint64_t pace = backwards ? -static_cast<uint64_t>(stride) : static_cast<uint64_t>(stride);
  const uint64_t count = (static_cast<uint64_t>(distance) - 1) / pace + 1;
  return Bounds{first, last, stride, static_cast<int64_t>(count)};
}

Result<Value> slice_of_text(std::string_view text, const Bounds& bounds, Store& store) {
  if (bounds.step == 1) {
    const size_t begin = byte_of(text, static_cast<size_t>(bounds.start));
    const std::string_view rest = text.substr(begin);
    return Value::string(rest.substr(0, byte_of(rest, static_cast<size_t>(bounds.count))));
  }
  LW_ASSIGN_OR_RETURN(const auto code_points, elements_of(Value::string(text), store));
  std::string result;
  int64_t at = bounds.start;
  for (int64_t i = 0; i < bounds.count; ++i, at += i < bounds.count ? bounds.step : 0) {
    result += code_points[static_cast<size_t>(at)].text();
  }
  return store.string(result);
}

Result<Value> slice_of_items(const Value& value, const Bounds& bounds, Store& store) {
  const bool is_list = value.is(ValueKind::kList);
  if (bounds.step == 1) {
    const auto part =
        value.items().subspan(static_cast<size_t>(bounds.start), static_cast<size_t>(bounds.count));
    return is_list ? Value::list(part) : Value::tuple(part);
  }
  LW_ASSIGN_OR_RETURN(const std::span<Value> items,
                      store.array<Value>(static_cast<size_t>(bounds.count)));
  int64_t at = bounds.start;
  for (size_t i = 0; i < items.size(); ++i, at += i < items.size() ? bounds.step : 0) {
    items[i] = value.items()[static_cast<size_t>(at)];
  }
  return is_list ? Value::list(items) : Value::tuple(items);
}

/// Ranges have at most kMaxRange elements, but their numbers may be large.
Result<Value> slice_of_range(const Range& range, const Bounds& bounds, Store& store) {
  Range part{0, 0, 0, bounds.count};
  bool overflows = __builtin_mul_overflow(bounds.start, range.step, &part.start);
  overflows |= __builtin_add_overflow(part.start, range.start, &part.start);
  overflows |= __builtin_mul_overflow(bounds.stop, range.step, &part.stop);
  overflows |= __builtin_add_overflow(part.stop, range.start, &part.stop);
  overflows |= __builtin_mul_overflow(bounds.step, range.step, &part.step);
  if (overflows) return resource_exhausted("an integer needs more than 64 bits");
  LW_ASSIGN_OR_RETURN(const Range* const made, store.make(part));
  return Value::range(made);
}

bool is_place(const Value& value) { return value.is_none() || value.is_integral(); }

}  // namespace

Result<Value> attribute_of(const Value& value, std::string_view name, Store& store) {
  LW_RETURN_IF_ERROR(check_defined(value));
  LW_ASSIGN_OR_RETURN(const Value method, method_of(value, name, store));
  if (!method.is_missing()) return method;
  if (value.is_dict()) {
    LW_RETURN_IF_ERROR(store.spend(value.entries().size() / 8));
    if (const Value* item = find(value.entries(), name)) return *item;
  }
  if (value.is(ValueKind::kNamespace)) {
    if (const Variable* variable = value.name_space().find(name)) return variable->value;
  }
  return no_attribute(value, name, store);
}

Result<Value> item_of(const Value& value, const Value& index, Store& store) {
  LW_RETURN_IF_ERROR(check_defined(value));
  const bool has_places = value.is_array() || value.is_string() || value.is(ValueKind::kRange);
  if (has_places && index.is_integral()) {
    LW_ASSIGN_OR_RETURN(const Value item, element(value, index.integer(), store));
    if (!item.is_missing()) return item;
  } else if (value.is_dict()) {
    // A key of a wrong type finds nothing here.
    const Result<const Value*> item = find(value, index, store);
    if (item.ok() && *item != nullptr) return **item;
    if (item.status().code() == StatusCode::kResourceExhausted) return item.status();
  }
  if (!index.is_string()) {
    const std::string_view message[] = {"'", type_name(value), " object' has no such element"};
    return store.undefined(message);
  }
  if (value.is_dict()) {
    LW_ASSIGN_OR_RETURN(const Value method, method_of(value, index.text(), store));
    return method.is_missing() ? no_attribute(value, index.text(), store) : method;
  }
  return attribute_of(value, index.text(), store);
}

Result<Value> slice_of(const Value& value, const Value& start, const Value& stop, const Value& step,
                       Store& store) {
  LW_RETURN_IF_ERROR(check_defined(value));
  const bool has_places = value.is_array() || value.is_string() || value.is(ValueKind::kRange);
  if (!has_places) return invalid_argument(found_text(value) + " has no slices");
  if (!is_place(start) || !is_place(stop) || !is_place(step)) {
    return invalid_argument("the parts of a slice are integers or none");
  }
  LW_ASSIGN_OR_RETURN(const int64_t size, length_of(value, store));
  LW_ASSIGN_OR_RETURN(const Bounds bounds, bounds_of(start, stop, step, size));
  if (value.is_string()) return slice_of_text(value.text(), bounds, store);
  if (value.is_array()) return slice_of_items(value, bounds, store);
  return slice_of_range(value.range(), bounds, store);
}

Result<Value> item_at_path(const Value& value, const Value& path, Store& store,
                           const Value& fallback) {
  const auto or_fallback = [&](const Value& item) {
    return item.is_undefined() && !fallback.is_none() ? fallback : item;
  };
  if (path.is_none()) return value;
  Value item = value;
  if (!path.is_string()) {
    LW_ASSIGN_OR_RETURN(item, item_of(value, path, store));
    return or_fallback(item);
  }
  for (std::string_view rest = path.text();;) {
    const std::string_view part = rest.substr(0, rest.find('.'));
    int64_t place = 0;
    const char* const end = part.data() + part.size();
    const auto [stop, error] = std::from_chars(part.data(), end, place);
    const bool is_place = error == std::errc() && stop == end && part[0] != '-';
    const Value index = is_place ? Value::integer(place) : Value::string(part);
    LW_ASSIGN_OR_RETURN(item, item_of(item, index, store));
    item = or_fallback(item);
    if (part.size() == rest.size()) return item;
    rest.remove_prefix(part.size() + 1);
  }
}

}  // namespace lanewise::chat
