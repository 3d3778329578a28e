#include "runtime/chat/template.hpp"

#include <utility>

#include "base/json.hpp"
#include "base/no_throw.hpp"
#include "base/status_macros.hpp"
#include "runtime/chat/interpreter.hpp"
#include "runtime/chat/json_input.hpp"
#include "runtime/chat/limits.hpp"
#include "runtime/chat/parser.hpp"
#include "runtime/text/utf8.hpp"

namespace lanewise::chat {
namespace {

Status as_invalid_argument(const Status& status, std::string_view name) {
  if (status.code() != StatusCode::kDataLoss) return status.with_context(name);
  return invalid_argument(status.message()).with_context(name);
}

/// Defines the variables of one rendering. Owns the JSON that they refer to.
class Variables {
 public:
  Variables(Interpreter& interpreter, Store& store) : interpreter_(interpreter), store_(store) {}

  Status define(const ChatInput& input) {
    for (const auto& [name, token] : input.special_tokens) {
      LW_RETURN_IF_ERROR(text::check_utf8(token).with_context(name));
      LW_RETURN_IF_ERROR(interpreter_.define(name, Value::string(token)));
    }
    LW_RETURN_IF_ERROR(
        interpreter_.define("add_generation_prompt", Value::boolean(input.add_generation_prompt)));
    LW_RETURN_IF_ERROR(messages(input.messages));
    LW_RETURN_IF_ERROR(define("tools", input.tools));
    LW_RETURN_IF_ERROR(define("documents", input.documents));
    return others(input.variables);
  }

 private:
  /// Null if there is no text.
  Result<const base::JsonValue*> parsed(size_t place, std::string_view name,
                                        std::string_view text) {
    if (text.empty()) return nullptr;
    Result<base::JsonDocument> document = base::parse_json_in_order(text, kMaxInputBytes);
    if (!document.ok()) return as_invalid_argument(document.status(), name);
    documents_[place] = *std::move(document);
    return &documents_[place].root();
  }

  Status messages(std::string_view text) {
    LW_ASSIGN_OR_RETURN(const base::JsonValue* const json, parsed(0, "messages", text));
    if (json == nullptr) return invalid_argument("there are no messages");
    LW_ASSIGN_OR_RETURN(const Value value, messages_of(*json, store_));
    return interpreter_.define("messages", value);
  }

  Status define(std::string_view name, std::string_view text) {
    LW_ASSIGN_OR_RETURN(const base::JsonValue* const json,
                        parsed(name == "tools" ? 1 : 2, name, text));
    if (json == nullptr) return interpreter_.define(name, Value::none());
    return define(name, *json);
  }

  Status define(std::string_view name, const base::JsonValue& json) {
    const Result<Value> value = value_of(json, store_);
    if (!value.ok()) return value.status().with_context(name);
    return interpreter_.define(name, *value);
  }

  Status others(std::string_view text) {
    LW_ASSIGN_OR_RETURN(const base::JsonValue* const json, parsed(3, "variables", text));
    if (json == nullptr) return {};
    if (!json->is_object()) {
      return invalid_argument("variables: expected an object, found " + base::found_text(json));
    }
    for (const base::JsonMember& member : json->members()) {
      LW_RETURN_IF_ERROR(define(member.name, member.value));
    }
    return {};
  }

  Interpreter& interpreter_;
  Store& store_;
  base::JsonDocument documents_[4];
};

Result<std::string> run(const Program& program, const ChatInput& input) {
  Environment environment;
  environment.now = input.now;
  Interpreter interpreter(environment);
  Variables variables(interpreter, environment.store);
  LW_RETURN_IF_ERROR(variables.define(input));
  return interpreter.run(program);
}

}  // namespace

Result<ChatTemplate> ChatTemplate::parse(std::string_view text) noexcept {
  return base::no_throw([&]() -> Result<ChatTemplate> {
    LW_ASSIGN_OR_RETURN(std::unique_ptr<const Program> program, parse_program(text));
    return ChatTemplate(std::move(program));
  });
}

Result<std::string> ChatTemplate::render(const ChatInput& input) const noexcept {
  return base::no_throw([&] { return run(*program_, input); });
}

}  // namespace lanewise::chat
