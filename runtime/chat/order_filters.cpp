#include <algorithm>
#include <string>
#include <vector>

#include "runtime/chat/access.hpp"
#include "runtime/chat/builtins.hpp"
#include "runtime/chat/operations.hpp"
#include "runtime/chat/printing.hpp"
#include "runtime/chat/unicode.hpp"

namespace lanewise::chat {
namespace {

Value or_none(const Value& argument) { return argument.is_missing() ? Value::none() : argument; }

/// What an element is compared by: its attribute, in lower case unless cases differ.
Result<Value> key_of(const Value& element, const Value& attribute, bool case_sensitive,
                     Store& store) {
  LW_ASSIGN_OR_RETURN(const Value key, item_at_path(element, attribute, store));
  if (case_sensitive || !key.is_string()) return key;
  return store.string(lower(key.text()));
}

/// The keys of attributes that commas separate.
Result<Value> keys_of(const Value& element, const Value& attributes, bool case_sensitive,
                      Store& store) {
  std::vector<Value> keys;
  if (!attributes.is_string()) {
    LW_ASSIGN_OR_RETURN(keys.emplace_back(), key_of(element, attributes, case_sensitive, store));
    return store.list(keys);
  }
  for (std::string_view rest = attributes.text();;) {
    const std::string_view attribute = rest.substr(0, rest.find(','));
    LW_ASSIGN_OR_RETURN(keys.emplace_back(),
                        key_of(element, Value::string(attribute), case_sensitive, store));
    if (attribute.size() == rest.size()) return store.list(keys);
    rest.remove_prefix(attribute.size() + 1);
  }
}

struct Keyed {
  Value key;
  Value element;
};

/// Sorts stably by the keys.
Result<Value> sorted(std::vector<Keyed> keyed, bool descending, Store& store) {
  Status failure;
  std::ranges::stable_sort(keyed, [&](const Keyed& left, const Keyed& right) {
    if (!failure.ok()) return false;
    const Result<bool> less = descending ? compare(Operator::kLess, right.key, left.key, store)
                                         : compare(Operator::kLess, left.key, right.key, store);
    if (!less.ok()) failure = less.status();
    return less.ok() && *less;
  });
  LW_RETURN_IF_ERROR(failure);
  std::vector<Value> elements;
  elements.reserve(keyed.size());
  for (const Keyed& item : keyed) elements.push_back(item.element);
  return store.list(elements);
}

Result<Value> sort(Environment& environment, const Value& subject, Arguments arguments) {
  Store& store = environment.store;
  LW_ASSIGN_OR_RETURN(const auto elements, elements_of(subject, store));
  std::vector<Keyed> keyed;
  for (const Value& element : elements) {
    LW_ASSIGN_OR_RETURN(const Value key,
                        keys_of(element, or_none(arguments[2]), flag(arguments[1]), store));
    keyed.push_back({key, element});
  }
  return sorted(std::move(keyed), flag(arguments[0]), store);
}

Result<Value> dictsort(Environment& environment, const Value& subject, Arguments arguments) {
  Store& store = environment.store;
  LW_RETURN_IF_ERROR(check_defined(subject));
  if (!subject.is_dict())
    return invalid_argument("'dictsort' is for dicts, not for " + found_text(subject));
  const std::string_view by = arguments[1].is_missing()  ? "key"
                              : arguments[1].is_string() ? arguments[1].text()
                                                         : "";
  if (by != "key" && by != "value") {
    return invalid_argument("'dictsort' sorts by \"key\" or \"value\"");
  }
  LW_ASSIGN_OR_RETURN(const auto items,
                      elements_of(Value::view(ValueKind::kDictItems, subject), store));
  const Value place = Value::integer(by == "key" ? 0 : 1);
  std::vector<Keyed> keyed;
  for (const Value& item : items) {
    LW_ASSIGN_OR_RETURN(const Value key, key_of(item, place, flag(arguments[0]), store));
    keyed.push_back({key, item});
  }
  return sorted(std::move(keyed), flag(arguments[2]), store);
}

Result<Value> unique(Environment& environment, const Value& subject, Arguments arguments) {
  Store& store = environment.store;
  LW_ASSIGN_OR_RETURN(const auto elements, elements_of(subject, store));
  std::vector<Entry> seen;
  std::vector<Value> kept;
  for (const Value& element : elements) {
    LW_ASSIGN_OR_RETURN(const Value key,
                        key_of(element, or_none(arguments[1]), flag(arguments[0]), store));
    LW_ASSIGN_OR_RETURN(const Value* const found, find(Value::dict(seen), key, store));
    if (found != nullptr) continue;
    seen.push_back({key, element});
    kept.push_back(element);
  }
  return store.stream(kept);
}

/// The first of the elements for which no other one is better.
Result<Value> best(Operator better, Environment& environment, const Value& subject,
                   Arguments arguments) {
  Store& store = environment.store;
  LW_ASSIGN_OR_RETURN(const auto elements, elements_of(subject, store));
  if (elements.empty()) return Value::undefined("a sequence without elements has no least one");
  Value best_key;
  const Value* found = nullptr;
  for (const Value& element : elements) {
    LW_ASSIGN_OR_RETURN(const Value key,
                        key_of(element, or_none(arguments[1]), flag(arguments[0]), store));
    if (found != nullptr) {
      LW_ASSIGN_OR_RETURN(const bool is_better, compare(better, key, best_key, store));
      if (!is_better) continue;
    }
    best_key = key;
    found = &element;
  }
  return *found;
}

Result<Value> min(Environment& environment, const Value& subject, Arguments arguments) {
  return best(Operator::kLess, environment, subject, arguments);
}

Result<Value> max(Environment& environment, const Value& subject, Arguments arguments) {
  return best(Operator::kGreater, environment, subject, arguments);
}

Result<Value> sum(Environment& environment, const Value& subject, Arguments arguments) {
  Store& store = environment.store;
  LW_ASSIGN_OR_RETURN(const auto elements, elements_of(subject, store));
  Value total = arguments[1].is_missing() ? Value::integer(0) : arguments[1];
  if (total.is_string()) return invalid_argument("'sum' does not add strings");
  for (const Value& element : elements) {
    LW_ASSIGN_OR_RETURN(const Value item, item_at_path(element, or_none(arguments[0]), store));
    LW_ASSIGN_OR_RETURN(total, arithmetic(Operator::kAdd, total, item, store));
  }
  return total;
}

constexpr Builtin kOrderFilters[] = {
    {"sort", sort, {"reverse", "case_sensitive", "attribute"}},
    {"dictsort", dictsort, {"case_sensitive", "by", "reverse"}},
    {"unique", unique, {"case_sensitive", "attribute"}},
    {"min", min, {"case_sensitive", "attribute"}},
    {"max", max, {"case_sensitive", "attribute"}},
    {"sum", sum, {"attribute", "start"}},
};

}  // namespace

std::span<const Builtin> order_filters() noexcept { return kOrderFilters; }

}  // namespace lanewise::chat
