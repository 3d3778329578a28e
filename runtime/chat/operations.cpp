#include "runtime/chat/operations.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "runtime/chat/limits.hpp"
#include "runtime/chat/printing.hpp"
#include "runtime/chat/unicode.hpp"
#include "runtime/text/utf8.hpp"

namespace lanewise::chat {
namespace {

bool is_hashable(const Value& value, int depth = 0) noexcept {
  if (value.is(ValueKind::kTuple)) {
    return depth < kMaxValueDepth && std::ranges::all_of(value.items(), [&](const Value& item) {
             return is_hashable(item, depth + 1);
           });
  }
  return !value.is(ValueKind::kList) && !value.is_dict() && !value.is(ValueKind::kDictItems) &&
         !value.is(ValueKind::kDictKeys);
}

/// Compares values that contain others.
class Comparison {
 public:
  explicit Comparison(Store& store) : store_(store) {}

  Result<bool> equal(const Value& left, const Value& right, int depth);
  Result<bool> ordered(Operator op, const Value& left, const Value& right, int depth);

 private:
  Result<bool> equal_items(std::span<const Value> left, std::span<const Value> right, int depth);
  Result<bool> equal_entries(std::span<const Entry> left, std::span<const Entry> right, int depth);
  Result<bool> ordered_items(Operator op, std::span<const Value> left, std::span<const Value> right,
                             int depth);
  Status enter(int depth);

  Store& store_;
};

Status Comparison::enter(int depth) {
  if (depth > kMaxValueDepth) return resource_exhausted("a value nests too deep to be compared");
  return store_.spend(1);
}

Result<bool> Comparison::equal(const Value& left, const Value& right, int depth) {
  LW_RETURN_IF_ERROR(enter(depth));
  if (left.is_number() && right.is_number()) {
    if (left.is_integral() && right.is_integral()) return left.integer() == right.integer();
    return left.real() == right.real();
  }
  if (left.kind() != right.kind()) return false;
  switch (left.kind()) {
    case ValueKind::kUndefined:
    case ValueKind::kNone:
      return true;
    case ValueKind::kString:
      LW_RETURN_IF_ERROR(store_.spend_text(left.text().size()));
      return left.text() == right.text();
    case ValueKind::kList:
    case ValueKind::kTuple:
      return equal_items(left.items(), right.items(), depth);
    case ValueKind::kDict:
      return equal_entries(left.entries(), right.entries(), depth);
    default:
      return left.same_object(right);
  }
}

Result<bool> Comparison::equal_items(std::span<const Value> left, std::span<const Value> right,
                                     int depth) {
  if (left.size() != right.size()) return false;
  for (size_t i = 0; i < left.size(); ++i) {
    LW_ASSIGN_OR_RETURN(const bool same, equal(left[i], right[i], depth + 1));
    if (!same) return false;
  }
  return true;
}

Result<bool> Comparison::equal_entries(std::span<const Entry> left, std::span<const Entry> right,
                                       int depth) {
  if (left.size() != right.size()) return false;
  for (const Entry& entry : left) {
    LW_ASSIGN_OR_RETURN(const Value* const other, find(Value::dict(right), entry.key, store_));
    if (other == nullptr) return false;
    LW_ASSIGN_OR_RETURN(const bool same, equal(entry.value, *other, depth + 1));
    if (!same) return false;
  }
  return true;
}

template <typename T>
bool holds(Operator op, const T& left, const T& right) {
  switch (op) {
    case Operator::kLess:
      return left < right;
    case Operator::kLessEqual:
      return left <= right;
    case Operator::kGreater:
      return left > right;
    default:
      return left >= right;
  }
}

std::string_view operator_text(Operator op) {
  switch (op) {
    case Operator::kLess:
      return "<";
    case Operator::kLessEqual:
      return "<=";
    case Operator::kGreater:
      return ">";
    default:
      return ">=";
  }
}

Status wrong_operands(Operator op, const Value& left, const Value& right) {
  LW_RETURN_IF_ERROR(check_defined(left));
  LW_RETURN_IF_ERROR(check_defined(right));
  return invalid_argument("'" + std::string(operator_text(op)) + "' does not take " +
                          found_text(left) + " and " + found_text(right));
}

Result<bool> Comparison::ordered(Operator op, const Value& left, const Value& right, int depth) {
  LW_RETURN_IF_ERROR(enter(depth));
  if (left.is_integral() && right.is_integral()) {
    return holds(op, left.integer(), right.integer());
  }
  if (left.is_number() && right.is_number()) return holds(op, left.real(), right.real());
  if (left.is_string() && right.is_string()) {
    LW_RETURN_IF_ERROR(store_.spend_text(left.text().size()));
    return holds(op, left.text(), right.text());  // UTF-8 sorts as code points do.
  }
  if (left.is_array() && left.kind() == right.kind()) {
    return ordered_items(op, left.items(), right.items(), depth);
  }
  return wrong_operands(op, left, right);
}

Result<bool> Comparison::ordered_items(Operator op, std::span<const Value> left,
                                       std::span<const Value> right, int depth) {
  for (size_t i = 0; i < std::min(left.size(), right.size()); ++i) {
    LW_ASSIGN_OR_RETURN(const bool same, equal(left[i], right[i], depth + 1));
    if (!same) return ordered(op, left[i], right[i], depth + 1);
  }
  return holds(op, left.size(), right.size());
}

Result<bool> contains(const Value& container, const Value& item, Store& store) {
  if (container.is_string()) {
    if (!item.is_string()) {
      LW_RETURN_IF_ERROR(check_defined(item));
      return invalid_argument("'in' looks for a string in a string, not for " + found_text(item));
    }
    LW_RETURN_IF_ERROR(store.spend_text(container.text().size()));
    return container.text().find(item.text()) != std::string_view::npos;
  }
  if (container.is_dict() || container.is(ValueKind::kDictKeys)) {
    LW_ASSIGN_OR_RETURN(const Value* const found,
                        find(Value::dict(container.entries()), item, store));
    return found != nullptr;
  }
  LW_ASSIGN_OR_RETURN(const std::span<const Value> elements, elements_of(container, store));
  for (const Value& element : elements) {
    LW_ASSIGN_OR_RETURN(const bool same, equal(element, item, store));
    if (same) return true;
  }
  return false;
}

Result<std::span<const Value>> code_points_of(std::string_view text, Store& store) {
  LW_ASSIGN_OR_RETURN(const std::span<Value> items, store.array<Value>(length(text)));
  size_t at = 0;
  for (Value& item : items) {
    const auto size = static_cast<size_t>(text::decode_at(text, at).length);
    item = Value::string(text.substr(at, size));
    at += size;
  }
  return std::span<const Value>(items);
}

Result<std::span<const Value>> numbers_of(const Range& range, Store& store) {
  LW_ASSIGN_OR_RETURN(const std::span<Value> items,
                      store.array<Value>(static_cast<size_t>(range.size)));
  int64_t number = range.start;
  for (size_t i = 0; i < items.size(); ++i, number += range.step) {
    items[i] = Value::integer(number);
    if (i + 1 == items.size()) break;  // The next one may not fit.
  }
  return std::span<const Value>(items);
}

Result<std::span<const Value>> elements_of_dict(const Value& value, Store& store) {
  const std::span<const Entry> entries = value.entries();
  LW_ASSIGN_OR_RETURN(const std::span<Value> items, store.array<Value>(entries.size()));
  for (size_t i = 0; i < items.size(); ++i) {
    const Value pair[] = {entries[i].key, entries[i].value};
    if (value.is(ValueKind::kDictItems)) {
      LW_ASSIGN_OR_RETURN(items[i], store.tuple(pair));
    } else {
      items[i] = pair[value.is(ValueKind::kDictValues) ? 1 : 0];
    }
  }
  return std::span<const Value>(items);
}

}  // namespace

Status check_defined(const Value& value) {
  if (value.is_undefined()) return invalid_argument(std::string(value.text()));
  return {};
}

bool is_true(const Value& value) noexcept {
  switch (value.kind()) {
    case ValueKind::kMissing:
    case ValueKind::kUndefined:
    case ValueKind::kNone:
      return false;
    case ValueKind::kBoolean:
      return value.boolean();
    case ValueKind::kInteger:
      return value.integer() != 0;
    case ValueKind::kFloat:
      return value.real() != 0;
    case ValueKind::kString:
      return !value.text().empty();
    case ValueKind::kList:
    case ValueKind::kTuple:
      return !value.items().empty();
    case ValueKind::kDict:
    case ValueKind::kDictItems:
    case ValueKind::kDictKeys:
    case ValueKind::kDictValues:
      return !value.entries().empty();
    case ValueKind::kRange:
      return value.range().size > 0;
    default:
      return true;
  }
}

Result<bool> equal(const Value& left, const Value& right, Store& store) {
  return Comparison(store).equal(left, right, 0);
}

Result<bool> compare(Operator op, const Value& left, const Value& right, Store& store) {
  switch (op) {
    case Operator::kEqual:
      return equal(left, right, store);
    case Operator::kNotEqual: {
      LW_ASSIGN_OR_RETURN(const bool same, equal(left, right, store));
      return !same;
    }
    case Operator::kIn:
      return contains(right, left, store);
    case Operator::kNotIn: {
      LW_ASSIGN_OR_RETURN(const bool found, contains(right, left, store));
      return !found;
    }
    default:
      return Comparison(store).ordered(op, left, right, 0);
  }
}

Result<const Value*> find(const Value& dict, const Value& key, Store& store) {
  if (!is_hashable(key)) return invalid_argument(found_text(key) + " is no key of a dict");
  const std::span<const Entry> entries = dict.entries();
  LW_RETURN_IF_ERROR(store.spend(entries.size() / 8));
  if (key.is_string()) return find(entries, key.text());
  for (const Entry& entry : entries) {
    if (entry.key.is_string()) continue;
    LW_ASSIGN_OR_RETURN(const bool same, equal(entry.key, key, store));
    if (same) return &entry.value;
  }
  return nullptr;
}

Result<std::span<const Value>> elements_of(const Value& value, Store& store) {
  switch (value.kind()) {
    case ValueKind::kUndefined:
      return std::span<const Value>();
    case ValueKind::kString:
      return code_points_of(value.text(), store);
    case ValueKind::kList:
    case ValueKind::kTuple:
      return value.items();
    case ValueKind::kDict:
    case ValueKind::kDictItems:
    case ValueKind::kDictKeys:
    case ValueKind::kDictValues:
      return elements_of_dict(value, store);
    case ValueKind::kRange:
      return numbers_of(value.range(), store);
    case ValueKind::kStream:
      return value.stream().rest();
    default:
      return invalid_argument(found_text(value) + " has no elements to go through");
  }
}

Result<int64_t> length_of(const Value& value, Store& store) {
  switch (value.kind()) {
    case ValueKind::kUndefined:
      return 0;
    case ValueKind::kString:
      LW_RETURN_IF_ERROR(store.spend_text(value.text().size()));
      return static_cast<int64_t>(length(value.text()));
    case ValueKind::kList:
    case ValueKind::kTuple:
      return static_cast<int64_t>(value.items().size());
    case ValueKind::kDict:
    case ValueKind::kDictItems:
    case ValueKind::kDictKeys:
    case ValueKind::kDictValues:
      return static_cast<int64_t>(value.entries().size());
    case ValueKind::kRange:
      return value.range().size;
    default:
      return invalid_argument(found_text(value) + " has no length");
  }
}

}  // namespace lanewise::chat
