#include <algorithm>
#include <string>
#include <vector>

#include "base/messages.hpp"
#include "runtime/chat/access.hpp"
#include "runtime/chat/builtins.hpp"
#include "runtime/chat/operations.hpp"
#include "runtime/chat/printing.hpp"

namespace lanewise::chat {
namespace {

// Jinja reads elements one by one where they are needed; here they are all there at once, which only
// differs in what an error comes before.

/// The filter or test that the first of `arguments` names, and its own arguments.
struct NamedCall {
  const Builtin* builtin;
  CallArguments arguments;
};

Result<NamedCall> named_call(const Builtin* (*find)(std::string_view) noexcept,
                             std::string_view what, const CallArguments& arguments, size_t place) {
  const Value& name = arguments.positional[place];
  const Builtin* builtin = name.is_string() ? find(name.text()) : nullptr;
  if (builtin == nullptr) {
    return invalid_argument("there is no " + std::string(what) + " " + found_text(name));
  }
  NamedCall call{builtin, arguments};
  call.arguments.positional.erase(call.arguments.positional.begin(),
                                  call.arguments.positional.begin() + static_cast<long>(place) + 1);
  return call;
}

Result<Value> map_attribute(Environment& environment, const Value& subject,
                            const CallArguments& arguments) {
  Value attribute = Value::none();
  Value fallback = Value::none();
  for (const auto& [name, value] : arguments.keywords) {
    if (name != "attribute" && name != "default") {
      return invalid_argument("'map' has no argument " + base::in_quotes(name));
    }
    (name == "attribute" ? attribute : fallback) = value;
  }
  LW_ASSIGN_OR_RETURN(const auto elements, elements_of(subject, environment.store));
  std::vector<Value> mapped;
  for (const Value& element : elements) {
    LW_ASSIGN_OR_RETURN(mapped.emplace_back(),
                        item_at_path(element, attribute, environment.store, fallback));
  }
  return environment.store.stream(mapped);
}

Result<Value> map(Environment& environment, const Value& subject, const CallArguments& arguments) {
  if (!is_true(subject)) return environment.store.stream({});
  if (arguments.positional.empty()) {
    const bool names_attribute = std::ranges::any_of(
        arguments.keywords, [](const auto& k) { return k.first == "attribute"; });
    if (!names_attribute) return invalid_argument("'map' needs a filter or an attribute");
    return map_attribute(environment, subject, arguments);
  }
  LW_ASSIGN_OR_RETURN(const NamedCall call, named_call(find_filter, "filter", arguments, 0));
  LW_ASSIGN_OR_RETURN(const auto elements, elements_of(subject, environment.store));
  std::vector<Value> mapped;
  for (const Value& element : elements) {
    LW_ASSIGN_OR_RETURN(mapped.emplace_back(),
                        apply(*call.builtin, environment, element, call.arguments));
  }
  return environment.store.stream(mapped);
}

/// Of `item`: what the test that `arguments` names from `place` on says, or whether it is true.
Result<bool> passes(Environment& environment, const Value& item, const CallArguments& arguments,
                    size_t place) {
  if (arguments.positional.size() <= place) return is_true(item);
  LW_ASSIGN_OR_RETURN(const NamedCall call, named_call(find_test, "test", arguments, place));
  LW_ASSIGN_OR_RETURN(const Value result, apply(*call.builtin, environment, item, call.arguments));
  return is_true(result);
}

/// The elements that pass a test, or those that do not.
template <bool wanted, bool by_attribute>
Result<Value> select(Environment& environment, const Value& subject,
                     const CallArguments& arguments) {
  Store& store = environment.store;
  if (!is_true(subject)) return store.stream({});
  constexpr size_t kPlace = by_attribute ? 1 : 0;
  if (arguments.positional.size() < kPlace) {
    return invalid_argument("'selectattr' and 'rejectattr' need an attribute");
  }
  LW_ASSIGN_OR_RETURN(const auto elements, elements_of(subject, store));
  std::vector<Value> kept;
  for (const Value& element : elements) {
    Value item = element;
    if (by_attribute) {
      LW_ASSIGN_OR_RETURN(item, item_at_path(element, arguments.positional[0], store));
    }
    LW_ASSIGN_OR_RETURN(const bool passed, passes(environment, item, arguments, kPlace));
    if (passed == wanted) kept.push_back(element);
  }
  return store.stream(kept);
}

constexpr Builtin kSelectionFilters[] = {
    {.name = "map", .call_variadic = map},
    {.name = "select", .call_variadic = select<true, false>},
    {.name = "reject", .call_variadic = select<false, false>},
    {.name = "selectattr", .call_variadic = select<true, true>},
    {.name = "rejectattr", .call_variadic = select<false, true>},
};

}  // namespace

std::span<const Builtin> selection_filters() noexcept { return kSelectionFilters; }

}  // namespace lanewise::chat
