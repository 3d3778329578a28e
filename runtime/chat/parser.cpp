#include "runtime/chat/parser.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "runtime/chat/builtins.hpp"
#include "runtime/chat/expression_parser.hpp"
#include "runtime/chat/limits.hpp"
#include "runtime/text/utf8.hpp"

namespace lanewise::chat {
namespace {

/// Tags of Jinja and of its extensions.
constexpr std::array<std::string_view, 14> kOtherTags = {
    "autoescape", "block",  "call",    "debug", "do",    "extends",   "filter",
    "from",       "import", "include", "print", "trans", "pluralize", "with"};

class Parser : public ExpressionParser {
 public:
  using ExpressionParser::ExpressionParser;

  Result<Body> run() {
    LW_ASSIGN_OR_RETURN(Body body, statements({}));
    LW_RETURN_IF_ERROR(check_calls());
    return body;
  }

 private:
  using Names = std::span<const std::string_view>;
  using Parsed = Result<Statement>;

  /// The statements up to a tag of `enders`, whose name is then the current token; without enders
  /// up to the end of the template.
  Result<Body> statements(Names enders);
  /// The same behind the end of a tag.
  Result<Body> body(Names enders);
  /// The same up to the one tag of this name, behind that name.
  Result<Body> body_to(std::string_view ender);

  Parsed statement();
  Parsed if_statement();
  Parsed for_statement();
  Parsed set_statement();
  Parsed macro();
  Status parameters(Statement* macro);
  Parsed generation();
  Parsed jump(StatementKind kind);
  Status unknown_tag(std::string_view name) const;
  /// Every called name is a function or set somewhere.
  Status check_calls() const;

  Statement made(StatementKind kind) const {
    Statement statement{kind};
    statement.line = current().line;
    return statement;
  }
};

Result<Body> Parser::statements(Names enders) {
  LW_RETURN_IF_ERROR(enter());
  Body body;
  while (!current().is(TokenType::kEnd)) {
    if (current().is(TokenType::kText)) {
      body.push_back(made(StatementKind::kText));
      body.back().text = current().text;
      next();
    } else if (current().is(TokenType::kOutputBegin)) {
      body.push_back(made(StatementKind::kOutput));
      next();
      LW_ASSIGN_OR_RETURN(body.back().value, tuple(true));
      if (!current().is(TokenType::kOutputEnd)) return unexpected("'}}'");
      next();
    } else {
      next();
      if (current().is(TokenType::kName) &&
          std::ranges::find(enders, current().text) != enders.end()) {
        leave();
        return body;
      }
      LW_ASSIGN_OR_RETURN(body.emplace_back(), statement());
      if (!current().is(TokenType::kBlockEnd)) return unexpected("'%}'");
      next();
    }
  }
  if (!enders.empty()) return unexpected(base::in_quotes(enders.back()));
  return body;
}

Result<Body> Parser::body(Names enders) {
  skip_operator(":");
  if (!current().is(TokenType::kBlockEnd)) return unexpected("'%}'");
  next();
  return statements(enders);
}

Result<Body> Parser::body_to(std::string_view ender) {
  Result<Body> result = body({&ender, 1});
  if (result.ok()) next();
  return result;
}

Status Parser::unknown_tag(std::string_view name) const {
  if (std::ranges::find(kOtherTags, name) != kOtherTags.end()) {
    return unsupported_syntax(current().line, "the tag " + base::in_quotes(name));
  }
  return syntax_error(current().line, "unknown tag " + base::in_quotes(name));
}

Result<Statement> Parser::statement() {
  if (!current().is(TokenType::kName)) return unexpected("the name of a tag");
  const std::string_view name = current().text;
  if (name == "if") return if_statement();
  if (name == "for") return for_statement();
  if (name == "set") return set_statement();
  if (name == "macro") return macro();
  if (name == "generation") return generation();
  if (name == "break") return jump(StatementKind::kBreak);
  if (name == "continue") return jump(StatementKind::kContinue);
  return unknown_tag(name);
}

Result<Statement> Parser::if_statement() {
  constexpr std::string_view kEnders[] = {"elif", "else", "endif"};
  Statement result = made(StatementKind::kIf);
  do {
    next();
    LW_ASSIGN_OR_RETURN(result.conditions.emplace_back(), tuple(false));
    LW_ASSIGN_OR_RETURN(result.bodies.emplace_back(), body(kEnders));
  } while (current().is_name("elif"));
  const bool has_else = current().is_name("else");
  next();
  if (has_else) {
    LW_ASSIGN_OR_RETURN(result.bodies.emplace_back(), body_to("endif"));
  }
  return result;
}

Result<Statement> Parser::for_statement() {
  constexpr std::string_view kEnders[] = {"else", "endfor"};
  Statement result = made(StatementKind::kFor);
  next();
  ++loops_;
  LW_ASSIGN_OR_RETURN(result.target, target(false));
  LW_RETURN_IF_ERROR(expect_name("in"));
  LW_ASSIGN_OR_RETURN(result.value, tuple(false));
  if (skip_name("if")) {
    LW_ASSIGN_OR_RETURN(result.conditions.emplace_back(), expression());
  }
  if (current().is_name("recursive")) {
    return unsupported_syntax(current().line, "'recursive' of 'for'");
  }
  LW_ASSIGN_OR_RETURN(result.bodies.emplace_back(), body(kEnders));
  --loops_;
  const bool has_else = current().is_name("else");
  next();
  if (has_else) {
    LW_ASSIGN_OR_RETURN(result.bodies.emplace_back(), body_to("endfor"));
  }
  return result;
}

Result<Statement> Parser::set_statement() {
  Statement result = made(StatementKind::kSet);
  next();
  LW_ASSIGN_OR_RETURN(result.target, target(true));
  if (skip_operator("=")) {
    LW_ASSIGN_OR_RETURN(result.value, tuple(true));
    return result;
  }
  result.kind = StatementKind::kSetBlock;
  if (current().is_operator("|")) {
    auto captured = std::make_unique<Expression>();
    captured->kind = Expression::Kind::kCaptured;
    captured->line = current().line;
    LW_ASSIGN_OR_RETURN(result.value, filters(std::move(captured)));
  }
  LW_ASSIGN_OR_RETURN(result.bodies.emplace_back(), body_to("endset"));
  return result;
}

Status Parser::parameters(Statement* macro) {
  LW_RETURN_IF_ERROR(expect_operator("("));
  while (!current().is_operator(")")) {
    if (!macro->parameters.empty()) LW_RETURN_IF_ERROR(expect_operator(","));
    LW_ASSIGN_OR_RETURN(const std::string_view name, expect_any_name());
    if (std::ranges::find(macro->parameters, name, &Keyword::name) != macro->parameters.end()) {
      return syntax_error(current().line, "two parameters " + base::in_quotes(name));
    }
    assigned_.push_back(name);
    Keyword& parameter = macro->parameters.emplace_back();
    parameter.name = name;
    if (skip_operator("=")) {
      LW_ASSIGN_OR_RETURN(parameter.value, expression());
    } else if (macro->parameters.size() > 1 &&
               macro->parameters[macro->parameters.size() - 2].value != nullptr) {
      return syntax_error(current().line, "a parameter without a default follows one with");
    }
  }
  next();
  return {};
}

Result<Statement> Parser::macro() {
  Statement result = made(StatementKind::kMacro);
  next();
  LW_ASSIGN_OR_RETURN(result.name, expect_any_name());
  assigned_.push_back(result.name);
  const bool was_in_macro = std::exchange(in_macro_, true);
  const int loops = std::exchange(loops_, 0);
  LW_RETURN_IF_ERROR(parameters(&result));
  LW_ASSIGN_OR_RETURN(result.bodies.emplace_back(), body_to("endmacro"));
  in_macro_ = was_in_macro;
  loops_ = loops;
  return result;
}

Result<Statement> Parser::generation() {
  Statement result = made(StatementKind::kGeneration);
  next();
  const int loops = std::exchange(loops_, 0);
  LW_ASSIGN_OR_RETURN(result.bodies.emplace_back(), body_to("endgeneration"));
  loops_ = loops;
  return result;
}

Result<Statement> Parser::jump(StatementKind kind) {
  if (loops_ == 0) {
    return syntax_error(current().line, base::in_quotes(current().text) + " outside of a 'for'");
  }
  Statement result = made(kind);
  next();
  return result;
}

Status Parser::check_calls() const {
  for (const auto& [name, line] : called_) {
    if (find_function(name) == nullptr && std::ranges::find(assigned_, name) == assigned_.end()) {
      return unsupported_syntax(line, "the function " + base::in_quotes(name));
    }
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<const Program>> parse_program(std::string_view text) {
  if (text.size() > kMaxTemplateBytes) {
    return resource_exhausted("a template of " + std::to_string(text.size()) + " bytes, at most " +
                              std::to_string(kMaxTemplateBytes) + " are read");
  }
  LW_RETURN_IF_ERROR(text::check_utf8(text).with_context("template"));
  auto program = std::make_unique<Program>();
  program->source = with_plain_line_ends(text);
  LW_ASSIGN_OR_RETURN(std::vector<Token> tokens, tokens_of(program->source, &program->strings));
  Parser parser(std::move(tokens), &program->strings);
  LW_ASSIGN_OR_RETURN(program->body, parser.run());
  return std::unique_ptr<const Program>(std::move(program));
}

}  // namespace lanewise::chat
