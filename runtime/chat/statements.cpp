#include <utility>
#include <vector>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "runtime/chat/interpreter.hpp"
#include "runtime/chat/limits.hpp"
#include "runtime/chat/operations.hpp"
#include "runtime/chat/printing.hpp"

namespace lanewise::chat {

Status Interpreter::define(std::string_view name, const Value& value) {
  return set_variable(&caller_, name, value);
}

Result<std::string> Interpreter::run(const Program& program) {
  std::string text;
  output_ = &text;
  LW_ASSIGN_OR_RETURN(scope_, new_scope(&caller_));
  LW_ASSIGN_OR_RETURN([[maybe_unused]] const Flow flow, execute(program.body));
  return text;
}

Status Interpreter::too_deep() const {
  return resource_exhausted("the template nests deeper than " + std::to_string(kMaxDepth) +
                            " levels");
}

Status Interpreter::located(const Status& status, int line) {
  if (std::exchange(is_located_, true)) return status;
  return status.with_context("line " + std::to_string(line) + " of the template");
}

Status Interpreter::write(std::string_view text) {
  if (text.size() > kMaxOutputBytes - output_bytes_) {
    return resource_exhausted("the template writes more than " +
                              std::to_string(kMaxOutputBytes >> 20) + " MB");
  }
  LW_RETURN_IF_ERROR(store().spend_text(text.size()));
  output_bytes_ += text.size();
  *output_ += text;
  return {};
}

Result<Interpreter::Flow> Interpreter::execute(const Body& body) {
  if (++depth_ > kMaxDepth) return too_deep();
  for (const Statement& statement : body) {
    LW_RETURN_IF_ERROR(store().spend(1));
    const Result<Flow> flow = execute_one(statement);
    if (!flow.ok()) return located(flow.status(), statement.line);
    if (*flow != Flow::kNext) {
      --depth_;
      return *flow;
    }
  }
  --depth_;
  return Flow::kNext;
}

Result<Interpreter::Flow> Interpreter::execute_one(const Statement& statement) {
  switch (statement.kind) {
    case StatementKind::kText:
      LW_RETURN_IF_ERROR(write(statement.text));
      return Flow::kNext;
    case StatementKind::kOutput:
      LW_RETURN_IF_ERROR(output(*statement.value));
      return Flow::kNext;
    case StatementKind::kIf:
      return if_statement(statement);
    case StatementKind::kFor:
      return for_statement(statement);
    case StatementKind::kSet: {
      LW_ASSIGN_OR_RETURN(const Value value, evaluate(*statement.value));
      LW_RETURN_IF_ERROR(assign(*statement.target, value));
      return Flow::kNext;
    }
    case StatementKind::kSetBlock:
      return set_block(statement);
    case StatementKind::kMacro:
      LW_RETURN_IF_ERROR(macro_definition(statement));
      return Flow::kNext;
    case StatementKind::kGeneration:
      return generation(statement);
    case StatementKind::kBreak:
      return Flow::kBreak;
    case StatementKind::kContinue:
      return Flow::kContinue;
  }
  return Flow::kNext;
}

Status Interpreter::output(const Expression& value) {
  LW_ASSIGN_OR_RETURN(const Value result, evaluate(value));
  LW_ASSIGN_OR_RETURN(const Value text, text_of(result, store()));
  return write(text.text());
}

Result<Interpreter::Flow> Interpreter::if_statement(const Statement& statement) {
  for (size_t i = 0; i < statement.bodies.size(); ++i) {
    if (i < statement.conditions.size()) {
      LW_ASSIGN_OR_RETURN(const Value condition, evaluate(*statement.conditions[i]));
      if (!is_true(condition)) continue;
    }
    return execute(statement.bodies[i]);
  }
  return Flow::kNext;
}

Result<Interpreter::Flow> Interpreter::for_statement(const Statement& statement) {
  LW_ASSIGN_OR_RETURN(const Value iterable, evaluate(*statement.value));
  LW_ASSIGN_OR_RETURN(const auto elements, elements_of(iterable, store()));
  LW_ASSIGN_OR_RETURN(Loop* const loop, store().make(Loop{}));
  loop->statement = &statement;
  loop->outer = scope_;
  loop->source = elements;
  loop->is_filtered = !statement.conditions.empty();
  bool any_to_the_end = false;
  for (;;) {
    LW_RETURN_IF_ERROR(look_ahead(*loop));
    if (loop->after.is_missing()) break;
    LW_ASSIGN_OR_RETURN(const Flow flow, for_body(statement, *loop));
    if (flow == Flow::kBreak) break;
    any_to_the_end = any_to_the_end || flow == Flow::kNext;
  }
  // Jinja also takes `else` if every turn was left by break or continue.
  if (any_to_the_end || statement.bodies.size() < 2) return Flow::kNext;
  Scope* const outer = scope_;
  LW_ASSIGN_OR_RETURN(scope_, new_scope(outer));
  Result<Flow> flow = execute(statement.bodies[1]);
  scope_ = outer;
  return flow;
}

Result<Interpreter::Flow> Interpreter::for_body(const Statement& statement, Loop& loop) {
  ++loop.index0;
  loop.before = loop.current;
  loop.current = std::exchange(loop.after, Value());
  LW_ASSIGN_OR_RETURN(scope_, new_scope(loop.outer));
  LW_RETURN_IF_ERROR(set_variable(scope_, "loop", Value::loop(&loop)));
  LW_RETURN_IF_ERROR(assign(*statement.target, loop.current));
  Result<Flow> flow = execute(statement.bodies[0]);
  scope_ = loop.outer;
  return flow;
}

Result<Interpreter::Flow> Interpreter::capture(const Body& body, Scope* parent, std::string* text) {
  Scope* const outer_scope = scope_;
  std::string* const outer_output = std::exchange(output_, text);
  LW_ASSIGN_OR_RETURN(scope_, new_scope(parent));
  Result<Flow> flow = execute(body);
  scope_ = outer_scope;
  output_ = outer_output;
  output_bytes_ -= text->size();
  return flow;
}

Result<Interpreter::Flow> Interpreter::set_block(const Statement& statement) {
  std::string text;
  LW_ASSIGN_OR_RETURN(const Flow flow, capture(statement.bodies[0], scope_, &text));
  if (flow != Flow::kNext) return flow;
  LW_ASSIGN_OR_RETURN(Value value, store().string(text));
  if (statement.value != nullptr) {
    captured_ = value;
    LW_ASSIGN_OR_RETURN(value, evaluate(*statement.value));
  }
  LW_RETURN_IF_ERROR(assign(*statement.target, value));
  return Flow::kNext;
}

Result<Interpreter::Flow> Interpreter::generation(const Statement& statement) {
  std::string text;
  LW_ASSIGN_OR_RETURN(const Flow flow, capture(statement.bodies[0], scope_, &text));
  LW_RETURN_IF_ERROR(write(text));
  return flow;
}

Status Interpreter::macro_definition(const Statement& statement) {
  LW_ASSIGN_OR_RETURN(const Macro* const macro, store().make(Macro{&statement, scope_}));
  return set_variable(scope_, statement.name, Value::macro(macro));
}

Result<Scope*> Interpreter::new_scope(Scope* parent) { return store().make(Scope{parent}); }

Value* Interpreter::find_variable(std::string_view name) const noexcept {
  for (const Scope* scope = scope_; scope != nullptr; scope = scope->parent) {
    for (Variable* variable = scope->first; variable != nullptr; variable = variable->next) {
      if (variable->name == name) return &variable->value;
    }
  }
  return nullptr;
}

Status Interpreter::set_variable(Scope* scope, std::string_view name, const Value& value) {
  for (Variable* variable = scope->first; variable != nullptr; variable = variable->next) {
    if (variable->name == name) {
      variable->value = value;
      return {};
    }
  }
  LW_ASSIGN_OR_RETURN(scope->first, store().make(Variable{name, value, scope->first}));
  return {};
}

Status Interpreter::assign(const Expression& target, const Value& value) {
  switch (target.kind) {
    case Expression::Kind::kName:
      return set_variable(scope_, target.name, value);
    case Expression::Kind::kTuple:
      return assign_items(target, value);
    default:
      return assign_attribute(target, value);
  }
}

Status Interpreter::assign_items(const Expression& target, const Value& value) {
  LW_ASSIGN_OR_RETURN(const auto elements, elements_of(value, store()));
  if (elements.size() != target.parts.size()) {
    return invalid_argument(std::to_string(target.parts.size()) + " variables are set to " +
                            std::to_string(elements.size()) + " values");
  }
  for (size_t i = 0; i < elements.size(); ++i) {
    LW_RETURN_IF_ERROR(assign(*target.parts[i], elements[i]));
  }
  return {};
}

Status Interpreter::assign_attribute(const Expression& target, const Value& value) {
  LW_ASSIGN_OR_RETURN(const Value names, evaluate(*target.parts[0]));
  if (!names.is(Value::Kind::kNamespace)) {
    return invalid_argument(base::in_quotes(target.parts[0]->name) +
                            " is no namespace, whose attributes alone can be set");
  }
  Variable** end = &names.name_space().first;
  for (; *end != nullptr; end = &(*end)->next) {
    if ((*end)->name == target.name) {
      (*end)->value = value;
      return {};
    }
  }
  LW_ASSIGN_OR_RETURN(*end, store().make(Variable{target.name, value, nullptr}));
  return {};
}

Status Interpreter::look_ahead(Loop& loop) {
  while (loop.after.is_missing() && !loop.source.empty()) {
    const Value element = loop.source.front();
    loop.source = loop.source.subspan(1);
    LW_ASSIGN_OR_RETURN(const bool passed, passes(loop, element));
    if (passed) loop.after = element;
  }
  return {};
}

Result<bool> Interpreter::passes(const Loop& loop, const Value& element) {
  if (!loop.is_filtered) return true;
  Scope* const inner = scope_;
  LW_ASSIGN_OR_RETURN(scope_, new_scope(loop.outer));
  LW_RETURN_IF_ERROR(assign(*loop.statement->target, element));
  LW_ASSIGN_OR_RETURN(const Value condition, evaluate(*loop.statement->conditions[0]));
  scope_ = inner;
  return is_true(condition);
}

Result<int64_t> Interpreter::length_of_loop(Loop& loop) {
  if (loop.length < 0) {
    std::vector<Value> rest;
    for (const Value& element : loop.source) {
      LW_ASSIGN_OR_RETURN(const bool passed, passes(loop, element));
      if (passed) rest.push_back(element);
    }
    LW_ASSIGN_OR_RETURN(const Value kept, store().list(rest));
    loop.source = kept.items();
    loop.is_filtered = false;
    loop.length =
        loop.index0 + 1 + static_cast<int64_t>(rest.size()) + (loop.after.is_missing() ? 0 : 1);
  }
  return loop.length;
}

Result<Value> Interpreter::loop_attribute(Loop& loop, std::string_view name) {
  if (name == "index") return Value::integer(loop.index0 + 1);
  if (name == "index0") return Value::integer(loop.index0);
  if (name == "first") return Value::boolean(loop.index0 == 0);
  if (name == "depth") return Value::integer(1);  // No loop is recursive.
  if (name == "depth0") return Value::integer(0);
  if (name == "previtem") {
    if (loop.before.is_missing()) return Value::undefined("there is no previous item");
    return loop.before;
  }
  if (name == "last" || name == "nextitem") {
    LW_RETURN_IF_ERROR(look_ahead(loop));
    if (name == "last") return Value::boolean(loop.after.is_missing());
    if (loop.after.is_missing()) return Value::undefined("there is no next item");
    return loop.after;
  }
  if (name == "length" || name == "revindex" || name == "revindex0") {
    LW_ASSIGN_OR_RETURN(const int64_t length, length_of_loop(loop));
    if (name == "length") return Value::integer(length);
    return Value::integer(length - loop.index0 - (name == "revindex" ? 0 : 1));
  }
  const std::string quoted = base::in_quotes(name);
  const std::string_view message[] = {"'loop' has no attribute ", quoted};
  return store().undefined(message);
}

}  // namespace lanewise::chat
