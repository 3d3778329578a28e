// The part of ExpressionParser for what follows an operand: attributes, subscripts, calls, filters
// and tests.

#include <algorithm>
#include <string>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "runtime/chat/builtins.hpp"
#include "runtime/chat/expression_parser.hpp"
#include "runtime/chat/limits.hpp"

namespace lanewise::chat {

using Parsed = Result<ExpressionPtr>;

Parsed ExpressionParser::postfix(ExpressionPtr operand) {
  for (;;) {
    if (current().is_operator(".")) {
      LW_ASSIGN_OR_RETURN(operand, attribute(std::move(operand)));
    } else if (current().is_operator("[")) {
      LW_ASSIGN_OR_RETURN(operand, subscript(std::move(operand)));
    } else if (current().is_operator("(")) {
      LW_ASSIGN_OR_RETURN(operand, call(std::move(operand)));
    } else {
      return operand;
    }
  }
}

Parsed ExpressionParser::postfix_and_filters(ExpressionPtr operand) {
  for (;;) {
    if (current().is_operator("|")) {
      LW_ASSIGN_OR_RETURN(operand, filter(std::move(operand)));
    } else if (current().is_name("is")) {
      LW_ASSIGN_OR_RETURN(operand, test(std::move(operand)));
    } else if (current().is_operator("(")) {
      LW_ASSIGN_OR_RETURN(operand, call(std::move(operand)));
    } else {
      return operand;
    }
  }
}

Parsed ExpressionParser::filters(ExpressionPtr operand) {
  while (current().is_operator("|")) {
    LW_ASSIGN_OR_RETURN(operand, filter(std::move(operand)));
  }
  return operand;
}

Parsed ExpressionParser::attribute(ExpressionPtr operand) {
  ExpressionPtr result = node(ExpressionKind::kAttribute);
  next();
  if (current().is(TokenType::kInteger)) {
    result->kind = ExpressionKind::kItem;
    result->parts.push_back(std::move(operand));
    const int64_t place = current().integer;
    next();
    LW_ASSIGN_OR_RETURN(result->parts.emplace_back(), constant(Value::integer(place)));
    return made(std::move(result));
  }
  LW_ASSIGN_OR_RETURN(result->name, expect_any_name());
  if (result->name.starts_with("__")) {
    return unsupported_syntax(result->line, "the attribute " + base::in_quotes(result->name));
  }
  result->parts.push_back(std::move(operand));
  return made(std::move(result));
}

Parsed ExpressionParser::subscript(ExpressionPtr operand) {
  ExpressionPtr result = node(ExpressionKind::kItem);
  next();
  ExpressionPtr index;
  if (!current().is_operator(":")) {
    LW_ASSIGN_OR_RETURN(index, expression());
  }
  if (current().is_operator(":")) {
    LW_ASSIGN_OR_RETURN(result, slice(std::move(operand), std::move(index)));
  } else {
    result->parts.push_back(std::move(operand));
    result->parts.push_back(std::move(index));
  }
  if (current().is_operator(",")) {
    return unsupported_syntax(current().line, "a subscript with a comma");
  }
  LW_RETURN_IF_ERROR(expect_operator("]"));
  return made(std::move(result));
}

Parsed ExpressionParser::slice(ExpressionPtr operand, ExpressionPtr start) {
  ExpressionPtr result = node(ExpressionKind::kSlice);
  result->parts.push_back(std::move(operand));
  result->parts.push_back(std::move(start));
  next();
  LW_ASSIGN_OR_RETURN(result->parts.emplace_back(), slice_part());
  result->parts.emplace_back();
  if (skip_operator(":")) {
    LW_ASSIGN_OR_RETURN(result->parts.back(), slice_part());
  }
  return result;
}

/// Null if the part is left out.
Parsed ExpressionParser::slice_part() {
  if (current().is_operator(":") || current().is_operator("]") || current().is_operator(",")) {
    return ExpressionPtr();
  }
  return expression();
}

Status ExpressionParser::check_callee(const Expression& callee) {
  if (callee.kind == ExpressionKind::kName) {
    called_.emplace_back(callee.name, callee.line);
  } else if (callee.kind == ExpressionKind::kAttribute && !is_method(callee.name)) {
    return unsupported_syntax(callee.line, "the method " + base::in_quotes(callee.name));
  }
  return {};
}

Parsed ExpressionParser::call(ExpressionPtr callee) {
  LW_RETURN_IF_ERROR(check_callee(*callee));
  ExpressionPtr result = node(ExpressionKind::kCall);
  result->parts.push_back(std::move(callee));
  LW_RETURN_IF_ERROR(arguments(result.get()));
  return made(std::move(result));
}

Status ExpressionParser::arguments(Expression* call) {
  LW_RETURN_IF_ERROR(expect_operator("("));
  bool is_first = true;
  while (!current().is_operator(")")) {
    if (!is_first) LW_RETURN_IF_ERROR(expect_operator(","));
    is_first = false;
    if (current().is_operator(")")) break;
    LW_RETURN_IF_ERROR(argument(call));
  }
  next();
  return {};
}

Status ExpressionParser::argument(Expression* call) {
  if (current().is_operator("*") || current().is_operator("**")) {
    return unsupported_syntax(current().line,
                              base::in_quotes(current().text) + " before an argument");
  }
  if (current().is(TokenType::kName) && following().is_operator("=")) {
    const std::string_view name = current().text;
    for (const Keyword& keyword : call->keywords) {
      if (keyword.name == name) {
        return syntax_error(current().line, "two arguments " + base::in_quotes(name));
      }
    }
    next();
    next();
    LW_ASSIGN_OR_RETURN(ExpressionPtr value, expression());
    call->keywords.push_back({name, std::move(value)});
    return {};
  }
  if (!call->keywords.empty()) return unexpected("an argument with a name after another one");
  LW_ASSIGN_OR_RETURN(call->parts.emplace_back(), expression());
  return {};
}

Parsed ExpressionParser::filter(ExpressionPtr operand) {
  next();
  ExpressionPtr result = node(ExpressionKind::kFilter);
  LW_ASSIGN_OR_RETURN(result->name, expect_any_name());
  result->builtin = find_filter(result->name);
  if (result->builtin == nullptr) {
    return unsupported_syntax(result->line, "the filter " + base::in_quotes(result->name));
  }
  result->parts.push_back(std::move(operand));
  if (current().is_operator("(")) LW_RETURN_IF_ERROR(arguments(result.get()));
  LW_RETURN_IF_ERROR(check_arguments(*result));
  LW_RETURN_IF_ERROR(check_named(*result));
  return made(std::move(result));
}

bool ExpressionParser::begins_argument_of_test() const noexcept {
  const Token& token = current();
  if (token.is(TokenType::kName))
    return token.text != "else" && token.text != "or" && token.text != "and";
  return token.is(TokenType::kString) || token.is(TokenType::kInteger) ||
         token.is(TokenType::kFloat) || token.is_operator("[") || token.is_operator("{");
}

Parsed ExpressionParser::test(ExpressionPtr operand) {
  next();
  const bool is_negated = skip_name("not");
  ExpressionPtr result = node(ExpressionKind::kTest);
  LW_ASSIGN_OR_RETURN(result->name, expect_any_name());
  result->builtin = find_test(result->name);
  if (result->builtin == nullptr) {
    return unsupported_syntax(result->line, "the test " + base::in_quotes(result->name));
  }
  result->parts.push_back(std::move(operand));
  if (current().is_operator("(")) {
    LW_RETURN_IF_ERROR(arguments(result.get()));
  } else if (begins_argument_of_test()) {
    if (current().is_name("is")) return unexpected("no second test");
    LW_RETURN_IF_ERROR(enter());
    LW_ASSIGN_OR_RETURN(ExpressionPtr argument, primary());
    LW_ASSIGN_OR_RETURN(result->parts.emplace_back(), postfix(std::move(argument)));
    leave();
  }
  LW_RETURN_IF_ERROR(check_arguments(*result));
  if (!is_negated) return made(std::move(result));
  ExpressionPtr negation = node(ExpressionKind::kNot);
  LW_ASSIGN_OR_RETURN(negation->parts.emplace_back(), made(std::move(result)));
  return made(std::move(negation));
}

/// What is wrong with the arguments of a filter or test whatever their values are.
Status ExpressionParser::check_arguments(const Expression& call) const {
  if (call.builtin->call_variadic != nullptr) return {};
  const std::string name = base::in_quotes(call.name);
  for (const Keyword& keyword : call.keywords) {
    if (!call.builtin->has_parameter(keyword.name)) {
      return unsupported_syntax(call.line,
                                "the argument " + base::in_quotes(keyword.name) + " of " + name);
    }
  }
  const size_t count = call.parts.size() - 1 + call.keywords.size();
  if (count > call.builtin->parameter_count()) {
    return unsupported_syntax(call.line, name + " with so many arguments");
  }
  if (count < call.builtin->required) {
    return syntax_error(call.line, name + " has too few arguments");
  }
  return {};
}

/// Filters such as map and select take the name of another filter or of a test.
Status ExpressionParser::check_named(const Expression& filter) const {
  if (filter.builtin->call_variadic == nullptr) return {};
  const bool is_map = filter.name == "map";
  const size_t place = filter.name.ends_with("attr") ? 2 : 1;
  if (filter.parts.size() <= place || filter.parts[place]->kind != ExpressionKind::kConstant)
    return {};
  const Value& name = filter.parts[place]->value;
  if (!name.is_string()) return {};
  const Builtin* found = is_map ? find_filter(name.text()) : find_test(name.text());
  if (found != nullptr) return {};
  return unsupported_syntax(filter.line, std::string(is_map ? "the filter " : "the test ") +
                                             base::in_quotes(name.text()));
}

}  // namespace lanewise::chat
