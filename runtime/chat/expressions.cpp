#include <algorithm>
#include <utility>
#include <vector>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "runtime/chat/access.hpp"
#include "runtime/chat/interpreter.hpp"
#include "runtime/chat/limits.hpp"
#include "runtime/chat/operations.hpp"
#include "runtime/chat/printing.hpp"

namespace lanewise::chat {

Result<Value> Interpreter::evaluate(const Expression& expression) {
  if (++depth_ > kMaxDepth) return located(too_deep(), expression.line);
  LW_RETURN_IF_ERROR(store().spend(1));
  Result<Value> value = evaluate_one(expression);
  if (!value.ok()) return located(value.status(), expression.line);
  --depth_;
  return value;
}

Result<Value> Interpreter::evaluate_one(const Expression& expression) {
  switch (expression.kind) {
    case ExpressionKind::kConstant:
      return expression.value;
    case ExpressionKind::kCaptured:
      return captured_;
    case ExpressionKind::kName:
      return name(expression);
    case ExpressionKind::kAttribute:
      return attribute(expression);
    case ExpressionKind::kItem:
      return item(expression);
    case ExpressionKind::kSlice:
      return slice(expression);
    case ExpressionKind::kCall:
      return call(expression);
    case ExpressionKind::kFilter:
    case ExpressionKind::kTest:
      return applied(expression);
    case ExpressionKind::kList:
    case ExpressionKind::kTuple:
      return list(expression);
    case ExpressionKind::kDict:
      return dict(expression);
    case ExpressionKind::kNot:
    case ExpressionKind::kNegative:
    case ExpressionKind::kPositive:
      return sign(expression);
    case ExpressionKind::kAnd:
    case ExpressionKind::kOr:
      return either(expression);
    case ExpressionKind::kBinary:
      return binary(expression);
    case ExpressionKind::kComparison:
      return comparison(expression);
    case ExpressionKind::kConcat:
      return concat(expression);
    case ExpressionKind::kConditional:
      return conditional(expression);
  }
  return Value::none();
}

Result<Value> Interpreter::name(const Expression& expression) {
  if (const Value* value = find_variable(expression.name)) return *value;
  if (const Builtin* function = find_function(expression.name)) return Value::function(function);
  const std::string quoted = base::in_quotes(expression.name);
  const std::string_view message[] = {quoted, " is undefined"};
  return store().undefined(message);
}

Result<Value> Interpreter::attribute(const Expression& expression) {
  LW_ASSIGN_OR_RETURN(const Value value, evaluate(*expression.parts[0]));
  if (value.is(Value::Kind::kLoop)) return loop_attribute(value.loop(), expression.name);
  return attribute_of(value, expression.name, store());
}

Result<Value> Interpreter::item(const Expression& expression) {
  LW_ASSIGN_OR_RETURN(const Value value, evaluate(*expression.parts[0]));
  LW_ASSIGN_OR_RETURN(const Value index, evaluate(*expression.parts[1]));
  if (value.is(Value::Kind::kLoop) && index.is_string()) {
    return loop_attribute(value.loop(), index.text());
  }
  return item_of(value, index, store());
}

Result<Value> Interpreter::slice(const Expression& expression) {
  Value parts[4];
  for (size_t i = 0; i < 4; ++i) {
    parts[i] = Value::none();
    if (expression.parts[i] == nullptr) continue;
    LW_ASSIGN_OR_RETURN(parts[i], evaluate(*expression.parts[i]));
  }
  return slice_of(parts[0], parts[1], parts[2], parts[3], store());
}

Result<Value> Interpreter::list(const Expression& expression) {
  LW_ASSIGN_OR_RETURN(const std::span<Value> items, store().array<Value>(expression.parts.size()));
  for (size_t i = 0; i < items.size(); ++i) {
    LW_ASSIGN_OR_RETURN(items[i], evaluate(*expression.parts[i]));
  }
  return expression.kind == ExpressionKind::kList ? Value::list(items) : Value::tuple(items);
}

Result<Value> Interpreter::dict(const Expression& expression) {
  std::vector<Entry> entries;
  for (size_t i = 0; i < expression.parts.size(); i += 2) {
    LW_ASSIGN_OR_RETURN(const Value key, evaluate(*expression.parts[i]));
    LW_ASSIGN_OR_RETURN(const Value value, evaluate(*expression.parts[i + 1]));
    LW_ASSIGN_OR_RETURN(const Value* const found, find(Value::dict(entries), key, store()));
    const auto same =
        std::ranges::find_if(entries, [&](const Entry& entry) { return &entry.value == found; });
    if (same == entries.end()) {
      entries.push_back({key, value});
    } else {
      same->value = value;
    }
  }
  return store().dict(entries);
}

Result<Value> Interpreter::sign(const Expression& expression) {
  LW_ASSIGN_OR_RETURN(const Value value, evaluate(*expression.parts[0]));
  if (expression.kind == ExpressionKind::kNot) return Value::boolean(!is_true(value));
  if (expression.kind == ExpressionKind::kNegative) return negative(value);
  if (value.is_integral()) return Value::integer(value.integer());
  if (value.is_number()) return value;
  LW_RETURN_IF_ERROR(check_defined(value));
  return invalid_argument("'+' does not take " + found_text(value));
}

Result<Value> Interpreter::either(const Expression& expression) {
  LW_ASSIGN_OR_RETURN(const Value left, evaluate(*expression.parts[0]));
  if (is_true(left) == (expression.kind == ExpressionKind::kOr)) return left;
  return evaluate(*expression.parts[1]);
}

Result<Value> Interpreter::binary(const Expression& expression) {
  LW_ASSIGN_OR_RETURN(const Value left, evaluate(*expression.parts[0]));
  LW_ASSIGN_OR_RETURN(const Value right, evaluate(*expression.parts[1]));
  return arithmetic(expression.operators[0], left, right, store());
}

Result<Value> Interpreter::comparison(const Expression& expression) {
  LW_ASSIGN_OR_RETURN(Value left, evaluate(*expression.parts[0]));
  for (size_t i = 0; i < expression.operators.size(); ++i) {
    LW_ASSIGN_OR_RETURN(const Value right, evaluate(*expression.parts[i + 1]));
    LW_ASSIGN_OR_RETURN(const bool holds, compare(expression.operators[i], left, right, store()));
    if (!holds) return Value::boolean(false);
    left = right;
  }
  return Value::boolean(true);
}

Result<Value> Interpreter::concat(const Expression& expression) {
  std::vector<std::string_view> texts;
  for (const ExpressionPtr& part : expression.parts) {
    LW_ASSIGN_OR_RETURN(const Value value, evaluate(*part));
    LW_ASSIGN_OR_RETURN(const Value text, text_of(value, store()));
    texts.push_back(text.text());
  }
  return store().joined(texts);
}

Result<Value> Interpreter::conditional(const Expression& expression) {
  LW_ASSIGN_OR_RETURN(const Value condition, evaluate(*expression.parts[0]));
  if (is_true(condition)) return evaluate(*expression.parts[1]);
  if (expression.parts[2] != nullptr) return evaluate(*expression.parts[2]);
  return Value::undefined("the condition of an 'if' without 'else' is false");
}

Result<CallArguments> Interpreter::arguments(const Expression& expression) {
  CallArguments arguments;
  for (size_t i = 1; i < expression.parts.size(); ++i) {
    LW_ASSIGN_OR_RETURN(arguments.positional.emplace_back(), evaluate(*expression.parts[i]));
  }
  for (const Keyword& keyword : expression.keywords) {
    LW_ASSIGN_OR_RETURN(const Value value, evaluate(*keyword.value));
    arguments.keywords.emplace_back(keyword.name, value);
  }
  return arguments;
}

Result<Value> Interpreter::applied(const Expression& expression) {
  LW_ASSIGN_OR_RETURN(const Value subject, evaluate(*expression.parts[0]));
  LW_ASSIGN_OR_RETURN(const CallArguments given, arguments(expression));
  return apply(*expression.builtin, environment_, subject, given);
}

Result<Value> Interpreter::call(const Expression& expression) {
  LW_ASSIGN_OR_RETURN(const Value callee, evaluate(*expression.parts[0]));
  LW_ASSIGN_OR_RETURN(const CallArguments given, arguments(expression));
  switch (callee.kind()) {
    case Value::Kind::kMacro:
      return call_macro(callee.macro(), given);
    case Value::Kind::kFunction:
      return apply(callee.function(), environment_, Value(), given);
    case Value::Kind::kMethod:
      return apply(*callee.method().builtin, environment_, callee.method().subject, given);
    default:
      LW_RETURN_IF_ERROR(check_defined(callee));
      return invalid_argument(found_text(callee) + " cannot be called");
  }
}

Result<Value> Interpreter::call_macro(const Macro& macro, const CallArguments& arguments) {
  LW_ASSIGN_OR_RETURN(Scope* const scope, new_scope(macro.scope));
  LW_RETURN_IF_ERROR(bind(macro, arguments, scope));
  std::string text;
  LW_ASSIGN_OR_RETURN([[maybe_unused]] const Flow flow,
                      capture(macro.statement->bodies[0], scope, &text));
  return store().string(text);
}

Status Interpreter::bind(const Macro& macro, const CallArguments& arguments, Scope* scope) {
  const Statement& statement = *macro.statement;
  const std::string quoted = base::in_quotes(statement.name);
  if (arguments.positional.size() > statement.parameters.size()) {
    return invalid_argument("the macro " + quoted + " has too many arguments");
  }
  for (size_t i = 0; i < arguments.positional.size(); ++i) {
    LW_RETURN_IF_ERROR(set_variable(scope, statement.parameters[i].name, arguments.positional[i]));
  }
  for (const auto& [name, value] : arguments.keywords) {
    const auto parameter = std::ranges::find(statement.parameters, name, &Keyword::name);
    const auto place = static_cast<size_t>(parameter - statement.parameters.begin());
    if (parameter == statement.parameters.end() || place < arguments.positional.size()) {
      return invalid_argument("the macro " + quoted + " takes no argument " +
                              base::in_quotes(name));
    }
    LW_RETURN_IF_ERROR(set_variable(scope, name, value));
  }
  return bind_defaults(statement, scope);
}

Status Interpreter::bind_defaults(const Statement& statement, Scope* scope) {
  Scope* const outer = std::exchange(scope_, scope);
  for (const Keyword& parameter : statement.parameters) {
    bool is_set = false;
    for (const Variable* given = scope->first; given != nullptr; given = given->next) {
      is_set = is_set || given->name == parameter.name;
    }
    if (is_set) continue;
    const std::string quoted = base::in_quotes(parameter.name);
    const std::string_view message[] = {"the argument ", quoted, " was not given"};
    LW_ASSIGN_OR_RETURN(const Value value, parameter.value != nullptr ? evaluate(*parameter.value)
                                                                      : store().undefined(message));
    LW_RETURN_IF_ERROR(set_variable(scope, parameter.name, value));
  }
  scope_ = outer;
  return {};
}

}  // namespace lanewise::chat
