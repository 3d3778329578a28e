#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/generation_text.hpp"
#include "cli/shell.hpp"
#include "lanewise/chat.hpp"
#include "lanewise/generator.hpp"
#include "lanewise/grammar.hpp"
#include "lanewise/model.hpp"
#include "lanewise/tokenizer.hpp"

namespace lanewise::cli {

/// {"role": role, "content": content}, a message of a conversation.
std::string message_json(std::string_view role, std::string_view content);

/// `messages`, a JSON list, with `first` before its other elements.
std::string with_first_message(std::string_view messages, const std::string& first);

struct ChatStyle {
  bool json = false;      ///< print an object per answer
  std::string variables;  ///< Conversation::variables
};

/// Answers conversations with a model and its chat template, and prints the answers: as they are
/// generated, or as objects.
class Chatting {
 public:
  /// `model` and `shell` outlive it. Fails for a model that has no chat template or tokenizer, or
  /// does not generate; as validate() does for `search`.
  static Result<Chatting> create(const Model& model, GenerationOptions search, ChatStyle style,
                                 const SessionOptions& session, Shell& shell);

  /// Restricts all answers, to the tokens of Tokenizer::of_target().
  void constrain(const Constraint& constraint) { constraints_.assign(1, constraint); }

  /// Prints the answer to the conversation and returns its text. Stops with what was generated so
  /// far once interrupted() is true. Fails, before anything is printed, if the template refuses the
  /// messages or the conversation does not fit into the model's context.
  Result<std::string> answer(std::string_view messages, std::string_view tools);

 private:
  Chatting(const Model& model, ChatTemplate chat_template, Tokenizer tokenizer, Tokenizer target,
           Generator generator, GenerationOptions search, ChatStyle style, Shell& shell);

  Result<std::vector<int32_t>> prompt(std::string_view messages, std::string_view tools) const;
  Result<Generation> generate(const std::vector<int32_t>& prompt);
  Result<std::string> print(const Generation& generation, const std::vector<int32_t>& prompt);

  const Model& model_;
  ChatTemplate template_;
  Tokenizer tokenizer_;
  Generator generator_;
  GenerationOptions search_;
  std::vector<Constraint> constraints_;  // one or none
  GeneratedText text_;
  ChatStyle style_;
  bool streams_;
  Shell& shell_;
};

/// A conversation: each line of stdin is a message of the user. At a terminal it asks for them, and
/// Ctrl-C ends an answer; `/reset` starts anew and `/exit` ends.
///
/// system  the first message of the conversation; empty: none
Status converse(Chatting& chatting, const std::string& system, Shell& shell);

}  // namespace lanewise::cli
