#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lanewise/status.hpp"
#include "runtime/chat/builtins.hpp"
#include "runtime/chat/syntax.hpp"
#include "runtime/chat/value.hpp"

namespace lanewise::chat {

/// Variables of a block, and those around it.
struct Scope {
  Scope* parent = nullptr;
  Variable* first = nullptr;
};

struct Macro {
  const Statement* statement;
  Scope* scope;  ///< where it was defined
};

/// The state of a `for`, which the template sees as `loop`. Elements are looked for one by one, since
/// the body may change what the condition says.
class Loop {
 public:
  const Statement* statement = nullptr;
  Scope* outer = nullptr;
  std::span<const Value> source;  ///< elements that were not looked at yet
  bool is_filtered = false;       ///< by the condition of the statement
  int64_t index0 = -1;
  int64_t length = -1;  ///< where known
  Value before;         ///< missing where there is none
  Value current;
  Value after;  ///< missing unless it was looked for
};

/// Executes a template.
class Interpreter {
 public:
  explicit Interpreter(Environment& environment) : environment_(environment) {}

  /// A variable of the caller.
  Status define(std::string_view name, const Value& value);
  Result<std::string> run(const Program& program);

 private:
  enum class Flow : uint8_t { kNext, kBreak, kContinue };

  Store& store() noexcept { return environment_.store; }

  // Statements.
  Result<Flow> execute(const Body& body);
  Result<Flow> execute_one(const Statement& statement);
  Result<Flow> if_statement(const Statement& statement);
  Result<Flow> for_statement(const Statement& statement);
  Result<Flow> for_body(const Statement& statement, Loop& loop);
  Result<Flow> set_block(const Statement& statement);
  Result<Flow> generation(const Statement& statement);
  Status macro_definition(const Statement& statement);
  Status output(const Expression& value);
  Status write(std::string_view text);
  /// Executes a body in a scope of its own; what it writes goes to `text`.
  Result<Flow> capture(const Body& body, Scope* parent, std::string* text);

  // Variables.
  Result<Scope*> new_scope(Scope* parent);
  Value* find_variable(std::string_view name) const noexcept;
  Status set_variable(Scope* scope, std::string_view name, const Value& value);
  Status assign(const Expression& target, const Value& value);
  Status assign_items(const Expression& target, const Value& value);
  Status assign_attribute(const Expression& target, const Value& value);

  // Loops.
  /// Looks for the next element: `loop.after` is missing if there is none.
  Status look_ahead(Loop& loop);
  Result<bool> passes(const Loop& loop, const Value& element);
  Result<int64_t> length_of_loop(Loop& loop);
  Result<Value> loop_attribute(Loop& loop, std::string_view name);

  // Expressions.
  Result<Value> evaluate(const Expression& expression);
  Result<Value> evaluate_one(const Expression& expression);
  Result<Value> name(const Expression& expression);
  Result<Value> attribute(const Expression& expression);
  Result<Value> item(const Expression& expression);
  Result<Value> slice(const Expression& expression);
  Result<Value> list(const Expression& expression);
  Result<Value> dict(const Expression& expression);
  Result<Value> sign(const Expression& expression);
  Result<Value> either(const Expression& expression);
  Result<Value> binary(const Expression& expression);
  Result<Value> comparison(const Expression& expression);
  Result<Value> concat(const Expression& expression);
  Result<Value> conditional(const Expression& expression);
  Result<Value> call(const Expression& expression);
  Result<Value> call_macro(const Macro& macro, const CallArguments& arguments);
  Status bind(const Macro& macro, const CallArguments& arguments, Scope* scope);
  Status bind_defaults(const Statement& statement, Scope* scope);
  /// A filter or a test.
  Result<Value> applied(const Expression& expression);
  /// Those of a call, behind the first part.
  Result<CallArguments> arguments(const Expression& expression);

  Status too_deep() const;
  /// The line is that of the innermost expression that failed.
  Status located(const Status& status, int line);

  Environment& environment_;
  Scope caller_;            // its variables
  Scope* scope_ = nullptr;  // the innermost one
  std::string* output_ = nullptr;
  size_t output_bytes_ = 0;  // of all texts that are being written
  Value captured_;
  int depth_ = 0;
  bool is_located_ = false;
};

}  // namespace lanewise::chat
