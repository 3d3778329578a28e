#pragma once

#include <ctime>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "lanewise/status.hpp"

namespace lanewise::chat {

struct Program;

/// What a template makes a prompt from. The JSON texts are those of Transformers' arguments of the
/// same names; an empty one counts as None.
struct ChatInput {
  std::string_view messages;   ///< a list of objects
  std::string_view tools;      ///< a list of JSON schemas
  std::string_view documents;  ///< a list of objects
  bool add_generation_prompt = false;
  /// bos_token, eos_token and so on, as the tokenizer has them.
  std::map<std::string, std::string> special_tokens;
  /// An object of other variables, which replace those above: enable_thinking, date_string, ...
  std::string_view variables;
  /// What strftime_now() says; null for the system's local time.
  const std::tm* now = nullptr;
};

/// A chat template: turns messages into the text of a prompt, as apply_chat_template() of
/// Transformers does. README.md lists which of Jinja it supports.
///
/// Immutable and thread-safe; copies share what was parsed.
class ChatTemplate {
 public:
  /// Parses a template that nobody vouches for. kInvalidArgument if it is none, kUnsupported if it
  /// uses something of Jinja that this does not have, kResourceExhausted beyond limits.hpp; the
  /// message names what and the line.
  static Result<ChatTemplate> parse(std::string_view text) noexcept;

  /// The text of the prompt. kInvalidArgument if the input is wrong, or if the template calls
  /// raise_exception() or does something that Python would refuse; kResourceExhausted if it takes
  /// more than limits.hpp allows.
  Result<std::string> render(const ChatInput& input) const noexcept;

 private:
  explicit ChatTemplate(std::shared_ptr<const Program> program) : program_(std::move(program)) {}

  std::shared_ptr<const Program> program_;
};

}  // namespace lanewise::chat
