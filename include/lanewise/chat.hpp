#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lanewise/export.hpp"
#include "lanewise/model.hpp"
#include "lanewise/status.hpp"

namespace lanewise {

namespace internal {
class ChatTemplateData;
}

/// What a chat template makes a prompt from. The JSON texts are those of the arguments of
/// Transformers' apply_chat_template() with the same names; an empty one counts as None.
struct Conversation {
  /// A list of objects, in the order of the conversation: [{"role": "user", "content": "Hi"}].
  /// Which members a message has is up to the template: `content` may also be a list of parts,
  /// `tool_calls` what the assistant called, and so on.
  std::string_view messages;
  std::string_view tools;      ///< a list of JSON schemas of functions
  std::string_view documents;  ///< a list of objects
  /// An object of other variables that the template knows: {"enable_thinking": false}.
  std::string_view variables;
  /// Whether the prompt ends where the answer of the assistant begins.
  bool add_generation_prompt = false;
  /// Which of several templates; empty: `tool_use` if there are tools and such a template, else
  /// `default`.
  std::string_view template_name;
};

/// The chat template of a model: turns messages into the text of a prompt.
///
/// The text is byte for byte that of Transformers' apply_chat_template(tokenize=False). It contains
/// the model's special tokens: tokenize it with EncodeOptions::add_special_tokens false.
///
/// A handle to immutable data. Cheap to copy; thread-safe.
class LANEWISE_EXPORT ChatTemplate {
 public:
  /// Returns the template that came with the checkpoint of `model`. Templates are Jinja, of which
  /// the library has the part that templates of models use (runtime/chat/README.md).
  ///
  /// Fails with kNotFound for a model without a template; with kUnsupported, naming it and the
  /// line, if the template uses something of Jinja that this version lacks; with kInvalidArgument
  /// if it is not a template. With several templates, that is an error only of those rendered.
  static Result<ChatTemplate> of(const Model& model);

  /// Returns the prompt. Templates come with checkpoints and are not trusted: rendering is limited
  /// in steps and memory, and reaches nothing but its arguments and the local time.
  ///
  /// Fails with kInvalidArgument if a JSON text is wrong, naming it; if the template refuses the
  /// conversation (its raise_exception()); if there is no template of that name. Fails with
  /// kResourceExhausted beyond the limits.
  Result<std::string> render(const Conversation& conversation) const;

  /// The names of the templates, sorted; `default` where the checkpoint has one.
  Result<std::vector<std::string>> names() const;

  /// For internal use by the library.
  explicit ChatTemplate(std::shared_ptr<const internal::ChatTemplateData> data)
      : data_(std::move(data)) {}

 private:
  std::shared_ptr<const internal::ChatTemplateData> data_;
};

}  // namespace lanewise
