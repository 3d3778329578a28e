#include "runtime/chat/builtins.hpp"

#include <algorithm>
#include <string>

#include "base/messages.hpp"
#include "runtime/chat/operations.hpp"

namespace lanewise::chat {
namespace {

Status wrong_call(const Builtin& builtin, std::string_view what) {
  return invalid_argument(base::in_quotes(builtin.name) + " " + std::string(what));
}

/// Puts arguments in the order of the parameters.
Status bind_parameters(const Builtin& builtin, const CallArguments& arguments,
                       std::span<Value> bound) {
  if (arguments.positional.size() > builtin.parameter_count()) {
    return wrong_call(builtin, "has too many arguments");
  }
  std::ranges::copy(arguments.positional, bound.begin());
  for (const auto& [name, value] : arguments.keywords) {
    const auto parameter = std::ranges::find(builtin.parameters, name);
    if (!builtin.has_parameter(name)) {
      return wrong_call(builtin, "has no argument " + base::in_quotes(name));
    }
    Value& place = bound[static_cast<size_t>(parameter - builtin.parameters.begin())];
    if (!place.is_missing()) {
      return wrong_call(builtin, "has two values for " + base::in_quotes(name));
    }
    place = value;
  }
  for (size_t i = 0; i < builtin.required; ++i) {
    if (bound[i].is_missing()) return wrong_call(builtin, "has too few arguments");
  }
  return {};
}

}  // namespace

bool Builtin::has_parameter(std::string_view keyword) const noexcept {
  return !keyword.empty() && std::ranges::find(parameters, keyword) != parameters.end();
}

size_t Builtin::parameter_count() const noexcept {
  return static_cast<size_t>(std::ranges::count_if(
      parameters, [](std::string_view parameter) { return !parameter.empty(); }));
}

bool flag(const Value& argument) { return !argument.is_missing() && is_true(argument); }

const Builtin* find(std::span<const Builtin> table, std::string_view name) noexcept {
  const auto found = std::ranges::find(table, name, &Builtin::name);
  return found == table.end() ? nullptr : &*found;
}

const Builtin* find_filter(std::string_view name) noexcept {
  for (const auto table : {text_filters(), number_filters(), sequence_filters(), order_filters(),
                           selection_filters()}) {
    if (const Builtin* filter = find(table, name)) return filter;
  }
  return nullptr;
}

Result<Value> apply(const Builtin& builtin, Environment& environment, const Value& subject,
                    const CallArguments& arguments) {
  LW_RETURN_IF_ERROR(environment.store.spend(1));
  if (builtin.call_variadic != nullptr) {
    return builtin.call_variadic(environment, subject, arguments);
  }
  if (builtin.is_forbidden()) {
    return invalid_argument("the sandbox does not allow " + base::in_quotes(builtin.name));
  }
  std::array<Value, kMaxParameters> bound;
  LW_RETURN_IF_ERROR(bind_parameters(builtin, arguments, bound));
  return builtin.call(environment, subject, bound);
}

}  // namespace lanewise::chat
