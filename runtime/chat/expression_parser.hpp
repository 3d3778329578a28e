#pragma once

#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "lanewise/status.hpp"
#include "runtime/chat/lexer.hpp"
#include "runtime/chat/syntax.hpp"

namespace lanewise::chat {

/// Parses expressions from tokens, with the grammar of Jinja.
class ExpressionParser {
 public:
  /// tokens  end with kEnd
  ExpressionParser(std::vector<Token> tokens, std::deque<std::string>* strings)
      : tokens_(std::move(tokens)), strings_(strings) {}

 protected:
  using Parsed = Result<ExpressionPtr>;

  const Token& current() const noexcept { return tokens_[at_]; }
  const Token& following() const noexcept { return tokens_[at_ + (at_ + 1 < tokens_.size())]; }
  void next() noexcept { at_ += at_ + 1 < tokens_.size() ? 1 : 0; }
  /// Whether the current token is this one, which it then skips.
  bool skip_name(std::string_view name) noexcept;
  bool skip_operator(std::string_view op) noexcept;
  Status expect_operator(std::string_view op);
  Status expect_name(std::string_view name);
  Result<std::string_view> expect_any_name();
  Status unexpected(std::string_view expected) const;

  /// Counts the recursion of the parser; call leave() at its end.
  Status enter();
  void leave() noexcept { --nesting_; }

  Parsed expression();
  Parsed without_condition() { return binary_or(); }
  /// One expression, or several with commas between them, which make a tuple. Only in parentheses
  /// may there be none.
  Parsed tuple(bool with_condition, bool in_parentheses = false);
  /// What `set` and `for` assign to.
  Parsed target(bool with_attributes);
  /// The filters after `operand`, which begin with "|".
  Parsed filters(ExpressionPtr operand);
  /// Limits the depth of a finished node.
  static Parsed made(ExpressionPtr node);

  /// The names of called variables, which must be functions or set somewhere.
  std::vector<std::pair<std::string_view, int>> called_;
  std::vector<std::string_view> assigned_;
  bool in_macro_ = false;
  int loops_ = 0;  // around the current token

 private:
  using Level = Parsed (ExpressionParser::*)();

  ExpressionPtr node(Expression::Kind kind) const;
  Parsed constant(const Value& value);
  Parsed conditional();
  Parsed binary_or();
  Parsed binary_and();
  Parsed negation();
  Parsed comparison();
  Parsed sum();
  Parsed concat();
  Parsed product();
  Parsed logical(Expression::Kind kind, std::string_view word, Level operand);
  Parsed unary(bool with_filters);
  Parsed primary();
  Parsed name();
  Parsed string();
  Parsed parenthesized();
  Parsed list();
  Parsed dict();
  Parsed postfix(ExpressionPtr operand);
  Parsed postfix_and_filters(ExpressionPtr operand);
  Parsed attribute(ExpressionPtr operand);
  Parsed subscript(ExpressionPtr operand);
  Parsed slice(ExpressionPtr operand, ExpressionPtr start);
  Parsed slice_part();
  Parsed call(ExpressionPtr callee);
  Status check_callee(const Expression& callee);
  Status arguments(Expression* call);
  Status argument(Expression* call);
  Parsed filter(ExpressionPtr operand);
  Parsed test(ExpressionPtr operand);
  bool begins_argument_of_test() const noexcept;
  Status check_arguments(const Expression& call) const;
  Status check_named(const Expression& filter) const;
  Parsed simple_target(bool with_attributes);
  Status skip_comparison(Operator* op, bool* found);

  std::vector<Token> tokens_;
  std::deque<std::string>* strings_;
  size_t at_ = 0;
  int nesting_ = 0;
};

}  // namespace lanewise::chat
