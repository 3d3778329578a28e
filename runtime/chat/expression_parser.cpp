#include "runtime/chat/expression_parser.hpp"

#include <algorithm>
#include <optional>
#include <string>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "runtime/chat/builtins.hpp"
#include "runtime/chat/limits.hpp"

namespace lanewise::chat {

using Parsed = Result<ExpressionPtr>;

namespace {

std::string found(const Token& token) {
  switch (token.type) {
    case TokenType::kText:
      return "text";
    case TokenType::kOutputBegin:
    case TokenType::kBlockBegin:
      return "the beginning of a tag";
    case TokenType::kOutputEnd:
    case TokenType::kBlockEnd:
      return "the end of the tag";
    case TokenType::kEnd:
      return "the end of the template";
    default:
      return base::in_quotes(token.text);
  }
}

std::optional<Operator> comparison_operator(std::string_view text) {
  constexpr std::pair<std::string_view, Operator> kOperators[] = {
      {"==", Operator::kEqual},     {"!=", Operator::kNotEqual}, {"<", Operator::kLess},
      {"<=", Operator::kLessEqual}, {">", Operator::kGreater},   {">=", Operator::kGreaterEqual},
  };
  for (const auto& [name, op] : kOperators) {
    if (name == text) return op;
  }
  return std::nullopt;
}

std::optional<Operator> product_operator(std::string_view text) {
  if (text == "*") return Operator::kMultiply;
  if (text == "/") return Operator::kDivide;
  if (text == "//") return Operator::kFloorDivide;
  if (text == "%") return Operator::kModulo;
  return std::nullopt;
}

ExpressionPtr with_parts(ExpressionPtr node, ExpressionPtr first, ExpressionPtr second = nullptr) {
  node->parts.push_back(std::move(first));
  if (second != nullptr) node->parts.push_back(std::move(second));
  return node;
}

}  // namespace

bool ExpressionParser::skip_name(std::string_view name) noexcept {
  if (!current().is_name(name)) return false;
  next();
  return true;
}

bool ExpressionParser::skip_operator(std::string_view op) noexcept {
  if (!current().is_operator(op)) return false;
  next();
  return true;
}

Status ExpressionParser::unexpected(std::string_view expected) const {
  return syntax_error(current().line,
                      "expected " + std::string(expected) + ", found " + found(current()));
}

Status ExpressionParser::expect_operator(std::string_view op) {
  return skip_operator(op) ? Status() : unexpected(base::in_quotes(op));
}

Status ExpressionParser::expect_name(std::string_view name) {
  return skip_name(name) ? Status() : unexpected(base::in_quotes(name));
}

Result<std::string_view> ExpressionParser::expect_any_name() {
  if (!current().is(TokenType::kName)) return unexpected("a name");
  const std::string_view name = current().text;
  next();
  return name;
}

Status ExpressionParser::enter() {
  if (++nesting_ <= kMaxNesting) return {};
  return resource_exhausted("line " + std::to_string(current().line) +
                            " of the template: it nests deeper than " +
                            std::to_string(kMaxNesting) + " levels");
}

ExpressionPtr ExpressionParser::node(ExpressionKind kind) const {
  auto node = std::make_unique<Expression>();
  node->kind = kind;
  node->line = current().line;
  return node;
}

Parsed ExpressionParser::made(ExpressionPtr node) {
  for (const ExpressionPtr& part : node->parts) {
    if (part != nullptr) node->depth = std::max(node->depth, part->depth + 1);
  }
  for (const Keyword& keyword : node->keywords) {
    node->depth = std::max(node->depth, keyword.value->depth + 1);
  }
  if (node->depth <= kMaxNesting) return node;
  return resource_exhausted("line " + std::to_string(node->line) +
                            " of the template: an expression nests deeper than " +
                            std::to_string(kMaxNesting) + " levels");
}

Parsed ExpressionParser::constant(const Value& value) {
  ExpressionPtr constant = node(ExpressionKind::kConstant);
  constant->value = value;
  return made(std::move(constant));
}

Parsed ExpressionParser::expression() {
  LW_RETURN_IF_ERROR(enter());
  Parsed result = conditional();
  leave();
  return result;
}

Parsed ExpressionParser::conditional() {
  LW_ASSIGN_OR_RETURN(ExpressionPtr value, binary_or());
  while (current().is_name("if")) {
    ExpressionPtr whole = node(ExpressionKind::kConditional);
    next();
    LW_ASSIGN_OR_RETURN(ExpressionPtr condition, binary_or());
    whole = with_parts(std::move(whole), std::move(condition), std::move(value));
    whole->parts.emplace_back();
    if (skip_name("else")) {
      LW_ASSIGN_OR_RETURN(whole->parts.back(), expression());
    }
    LW_ASSIGN_OR_RETURN(value, made(std::move(whole)));
  }
  return value;
}

Parsed ExpressionParser::logical(ExpressionKind kind, std::string_view word, Level operand) {
  LW_ASSIGN_OR_RETURN(ExpressionPtr left, (this->*operand)());
  while (current().is_name(word)) {
    ExpressionPtr whole = node(kind);
    next();
    LW_ASSIGN_OR_RETURN(ExpressionPtr right, (this->*operand)());
    LW_ASSIGN_OR_RETURN(left,
                        made(with_parts(std::move(whole), std::move(left), std::move(right))));
  }
  return left;
}

Parsed ExpressionParser::binary_or() {
  return logical(ExpressionKind::kOr, "or", &ExpressionParser::binary_and);
}

Parsed ExpressionParser::binary_and() {
  return logical(ExpressionKind::kAnd, "and", &ExpressionParser::negation);
}

Parsed ExpressionParser::negation() {
  if (!current().is_name("not")) return comparison();
  ExpressionPtr whole = node(ExpressionKind::kNot);
  next();
  LW_RETURN_IF_ERROR(enter());
  LW_ASSIGN_OR_RETURN(ExpressionPtr operand, negation());
  leave();
  return made(with_parts(std::move(whole), std::move(operand)));
}

Status ExpressionParser::skip_comparison(Operator* op, bool* found) {
  const std::optional<Operator> symbol =
      current().is(TokenType::kOperator) ? comparison_operator(current().text) : std::nullopt;
  *found = true;
  if (symbol) {
    *op = *symbol;
    next();
  } else if (skip_name("in")) {
    *op = Operator::kIn;
  } else if (current().is_name("not") && following().is_name("in")) {
    *op = Operator::kNotIn;
    next();
    next();
  } else {
    *found = false;
  }
  return {};
}

Parsed ExpressionParser::comparison() {
  LW_ASSIGN_OR_RETURN(ExpressionPtr first, sum());
  ExpressionPtr whole = node(ExpressionKind::kComparison);
  whole->parts.push_back(std::move(first));
  for (;;) {
    Operator op{};
    bool found = false;
    LW_RETURN_IF_ERROR(skip_comparison(&op, &found));
    if (!found) break;
    whole->operators.push_back(op);
    LW_ASSIGN_OR_RETURN(whole->parts.emplace_back(), sum());
  }
  if (whole->operators.empty()) return std::move(whole->parts[0]);
  return made(std::move(whole));
}

Parsed ExpressionParser::sum() {
  LW_ASSIGN_OR_RETURN(ExpressionPtr left, concat());
  while (current().is_operator("+") || current().is_operator("-")) {
    ExpressionPtr whole = node(ExpressionKind::kBinary);
    whole->operators = {current().text == "+" ? Operator::kAdd : Operator::kSubtract};
    next();
    LW_ASSIGN_OR_RETURN(ExpressionPtr right, concat());
    LW_ASSIGN_OR_RETURN(left,
                        made(with_parts(std::move(whole), std::move(left), std::move(right))));
  }
  return left;
}

Parsed ExpressionParser::concat() {
  LW_ASSIGN_OR_RETURN(ExpressionPtr first, product());
  if (!current().is_operator("~")) return first;
  ExpressionPtr whole = node(ExpressionKind::kConcat);
  whole->parts.push_back(std::move(first));
  while (skip_operator("~")) {
    LW_ASSIGN_OR_RETURN(whole->parts.emplace_back(), product());
  }
  return made(std::move(whole));
}

Parsed ExpressionParser::product() {
  LW_ASSIGN_OR_RETURN(ExpressionPtr left, unary(true));
  while (current().is(TokenType::kOperator)) {
    if (current().text == "**") return unsupported_syntax(current().line, "the operator '**'");
    const std::optional<Operator> op = product_operator(current().text);
    if (!op) break;
    ExpressionPtr whole = node(ExpressionKind::kBinary);
    whole->operators = {*op};
    next();
    LW_ASSIGN_OR_RETURN(ExpressionPtr right, unary(true));
    LW_ASSIGN_OR_RETURN(left,
                        made(with_parts(std::move(whole), std::move(left), std::move(right))));
  }
  return left;
}

Parsed ExpressionParser::unary(bool with_filters) {
  ExpressionPtr operand;
  if (current().is_operator("-") || current().is_operator("+")) {
    ExpressionPtr whole =
        node(current().text == "-" ? ExpressionKind::kNegative : ExpressionKind::kPositive);
    next();
    LW_RETURN_IF_ERROR(enter());
    LW_ASSIGN_OR_RETURN(ExpressionPtr inner, unary(false));
    leave();
    LW_ASSIGN_OR_RETURN(operand, made(with_parts(std::move(whole), std::move(inner))));
  } else {
    LW_ASSIGN_OR_RETURN(operand, primary());
  }
  LW_ASSIGN_OR_RETURN(operand, postfix(std::move(operand)));
  return with_filters ? postfix_and_filters(std::move(operand)) : Parsed(std::move(operand));
}

Parsed ExpressionParser::primary() {
  const Token token = current();
  switch (token.type) {
    case TokenType::kName:
      return name();
    case TokenType::kString:
      return string();
    case TokenType::kInteger:
      next();
      return constant(Value::integer(token.integer));
    case TokenType::kFloat:
      next();
      return constant(Value::real(token.real));
    default:
      if (token.is_operator("(")) return parenthesized();
      if (token.is_operator("[")) return list();
      if (token.is_operator("{")) return dict();
      return unexpected("an expression");
  }
}

Parsed ExpressionParser::name() {
  const std::string_view text = current().text;
  if (in_macro_ && (text == "varargs" || text == "kwargs" || text == "caller")) {
    return unsupported_syntax(current().line, base::in_quotes(text) + " in a macro");
  }
  ExpressionPtr result = node(ExpressionKind::kName);
  next();
  if (text == "true" || text == "True") return constant(Value::boolean(true));
  if (text == "false" || text == "False") return constant(Value::boolean(false));
  if (text == "none" || text == "None") return constant(Value::none());
  result->name = text;
  return made(std::move(result));
}

Parsed ExpressionParser::string() {
  std::string_view text = current().text;
  next();
  if (current().is(TokenType::kString)) {
    std::string whole(text);
    for (; current().is(TokenType::kString); next()) whole += current().text;
    text = strings_->emplace_back(std::move(whole));
  }
  return constant(Value::string(text));
}

Parsed ExpressionParser::parenthesized() {
  next();
  LW_ASSIGN_OR_RETURN(ExpressionPtr inner, tuple(true, true));
  LW_RETURN_IF_ERROR(expect_operator(")"));
  return inner;
}

Parsed ExpressionParser::list() {
  ExpressionPtr result = node(ExpressionKind::kList);
  next();
  while (!current().is_operator("]")) {
    if (!result->parts.empty()) LW_RETURN_IF_ERROR(expect_operator(","));
    if (current().is_operator("]")) break;
    LW_ASSIGN_OR_RETURN(result->parts.emplace_back(), expression());
  }
  next();
  return made(std::move(result));
}

Parsed ExpressionParser::dict() {
  ExpressionPtr result = node(ExpressionKind::kDict);
  next();
  while (!current().is_operator("}")) {
    if (!result->parts.empty()) LW_RETURN_IF_ERROR(expect_operator(","));
    if (current().is_operator("}")) break;
    LW_ASSIGN_OR_RETURN(result->parts.emplace_back(), expression());
    LW_RETURN_IF_ERROR(expect_operator(":"));
    LW_ASSIGN_OR_RETURN(result->parts.emplace_back(), expression());
  }
  next();
  return made(std::move(result));
}

Parsed ExpressionParser::tuple(bool with_condition, bool in_parentheses) {
  ExpressionPtr result = node(ExpressionKind::kTuple);
  bool is_tuple = false;
  for (;;) {
    const bool ends = current().is(TokenType::kOutputEnd) || current().is(TokenType::kBlockEnd) ||
                      current().is_operator(")");
    if (ends) break;
    LW_ASSIGN_OR_RETURN(result->parts.emplace_back(),
                        with_condition ? expression() : without_condition());
    if (!skip_operator(",")) break;
    is_tuple = true;
  }
  if (is_tuple) return made(std::move(result));
  if (!result->parts.empty()) return std::move(result->parts[0]);
  if (!in_parentheses) return unexpected("an expression");
  return made(std::move(result));
}

Parsed ExpressionParser::simple_target(bool with_attributes) {
  if (skip_operator("(")) {
    LW_RETURN_IF_ERROR(enter());
    LW_ASSIGN_OR_RETURN(ExpressionPtr inner, target(false));
    leave();
    LW_RETURN_IF_ERROR(expect_operator(")"));
    return inner;
  }
  if (!current().is(TokenType::kName)) return unexpected("a variable");
  LW_ASSIGN_OR_RETURN(ExpressionPtr variable, name());
  if (variable->kind != ExpressionKind::kName) return unexpected("a variable before this");
  if (with_attributes && current().is_operator(".")) {
    ExpressionPtr result = node(ExpressionKind::kAttribute);
    next();
    LW_ASSIGN_OR_RETURN(result->name, expect_any_name());
    if (result->name.starts_with('_')) {
      return syntax_error(result->line, "a namespace has no names that begin with '_'");
    }
    return made(with_parts(std::move(result), std::move(variable)));
  }
  if (variable->name == "loop" && loops_ > 0) {
    return syntax_error(variable->line, "'loop' cannot be set within a 'for'");
  }
  assigned_.push_back(variable->name);
  return variable;
}

Parsed ExpressionParser::target(bool with_attributes) {
  ExpressionPtr result = node(ExpressionKind::kTuple);
  bool is_tuple = false;
  while (!current().is_operator(")") && !current().is(TokenType::kBlockEnd)) {
    LW_ASSIGN_OR_RETURN(result->parts.emplace_back(), simple_target(with_attributes));
    if (!skip_operator(",")) break;
    is_tuple = true;
  }
  if (is_tuple) return made(std::move(result));
  if (result->parts.empty()) return unexpected("a variable");
  return std::move(result->parts[0]);
}

}  // namespace lanewise::chat
