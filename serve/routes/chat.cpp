#include <utility>

#include "lanewise/chat.hpp"
#include "lanewise/sources.hpp"
#include "lanewise/status_macros.hpp"
#include "serve/routes/answering.hpp"
#include "serve/routes/completing.hpp"

namespace lanewise::serve {
namespace {

/// The parts of a conversation, as the client wrote them.
struct ChatFields {
  std::string model;
  std::string messages;
  std::string tools;
  std::string variables;
};

ChatFields read_chat(Fields& fields) {
  ChatFields chat;
  chat.model = fields.text("model").value_or("");
  chat.messages = fields.raw("messages");
  if (!chat.messages.starts_with('[') ||
      chat.messages.find_first_not_of("[] \t\r\n") == std::string::npos) {
    fields.fail("messages", "expected a list of at least one message");
  }
  chat.tools = fields.raw("tools");
  if (fields.choice("tool_choice", {"auto", "none"}).value_or("auto") == "none") {
    chat.tools.clear();
  }
  chat.variables = fields.raw("chat_template_kwargs");
  fields.ignore({"parallel_tool_calls"});
  return chat;
}

/// The tokens of the conversation. The template has written the special ones.
Result<std::vector<int32_t>> chat_prompt(ServedModel& model, const ChatFields& chat) {
  LANEWISE_ASSIGN_OR_RETURN(const ChatTemplate* const chat_template, model.chat_template());
  LANEWISE_ASSIGN_OR_RETURN(const Tokenizer tokenizer, model.tokenizer());
  Conversation conversation;
  conversation.messages = chat.messages;
  conversation.tools = chat.tools;
  conversation.variables = chat.variables;
  conversation.add_generation_prompt = true;
  LANEWISE_ASSIGN_OR_RETURN(const std::string text, chat_template->render(conversation));
  EncodeOptions options;
  options.add_special_tokens = false;
  LANEWISE_ASSIGN_OR_RETURN(Encoding encoding, tokenizer.encode(text, options));
  const auto tokens = static_cast<int64_t>(encoding.ids.size());
  if (tokens > model.info().max_tokens) {
    return invalid_argument("messages: the conversation has " + std::to_string(tokens) +
                            " tokens, the model's context has " +
                            std::to_string(model.info().max_tokens));
  }
  LANEWISE_ASSIGN_OR_RETURN(Source source, source_of_ids(std::move(encoding.ids), model.info()));
  return std::move(source.ids);
}

}  // namespace

Reply openai_chat(const Served& served, Exchange& exchange, std::string_view body) {
  return answer_fields(ErrorStyle::kOpenAi, body, [&](Fields& fields) -> Result<Reply> {
    const ChatFields chat = read_chat(fields);
    CompletionRequest request{.kind = CompletionKind::kChat};
    request.search = read_search(fields, *served.limits);
    if (const auto most = fields.integer("max_completion_tokens", 1, served.limits->tokens)) {
      request.search.max_tokens = most;
    }
    const int64_t top = fields.integer("top_logprobs", 0, kMaxTopLogprobs).value_or(0);
    if (fields.flag("logprobs").value_or(false))
      request.search.top_logprobs = static_cast<int>(top);
    if (request.search.stream && request.search.top_logprobs >= 0) {
      fields.fail("logprobs", "not supported with stream");
    }
    LANEWISE_RETURN_IF_ERROR(fields.finish());
    LANEWISE_ASSIGN_OR_RETURN(request.model, model_called(served, exchange, chat.model));
    // What cannot chat says so before its template is looked for.
    LANEWISE_RETURN_IF_ERROR(request.model->generation().status());
    Result<std::vector<int32_t>> prompt = chat_prompt(*request.model, chat);
    if (!prompt.ok() && prompt.status().code() != StatusCode::kInvalidArgument) {
      // No template, or more of it than it may take: not what a path is not found for.
      return invalid_argument("messages: " + prompt.status().message());
    }
    LANEWISE_RETURN_IF_ERROR(prompt.status());
    request.prompts.push_back(std::move(prompt).value());
    return complete(served, exchange, std::move(request));
  });
}

}  // namespace lanewise::serve
