#include "cli/chatting.hpp"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "cli/interrupt.hpp"
#include "cli/json_text.hpp"
#include "cli/lines.hpp"
#include "lanewise/sources.hpp"
#include "lanewise/status_macros.hpp"

namespace lanewise::cli {
namespace {

constexpr std::string_view kSpaces = " \t\r\n";

bool is_blank(std::string_view text) {
  return text.find_first_not_of(kSpaces) == std::string_view::npos;
}

/// The command that a line is, without the spaces around it: `/reset` or `/exit`; else nothing.
std::string_view command_in(std::string_view line) {
  const size_t begin = std::min(line.find_first_not_of(kSpaces), line.size());
  line = line.substr(begin, line.find_last_not_of(kSpaces) + 1 - begin);
  return line == "/reset" || line == "/exit" ? line : std::string_view();
}

}  // namespace

std::string message_json(std::string_view role, std::string_view content) {
  std::string json = R"({"role": )";
  append_json_string(json, role);
  json += R"(, "content": )";
  append_json_string(json, content);
  return json + "}";
}

std::string with_first_message(std::string_view messages, const std::string& first) {
  const size_t bracket = messages.find_first_not_of(kSpaces);
  // Whatever is not a list is for the template to refuse.
  if (bracket == std::string_view::npos || messages[bracket] != '[') return std::string(messages);
  const std::string_view rest = messages.substr(bracket + 1);
  const size_t next = rest.find_first_not_of(kSpaces);
  const bool alone = next != std::string_view::npos && rest[next] == ']';
  return "[" + first + (alone ? "" : ", ") + std::string(rest);
}

Chatting::Chatting(const Model& model, ChatTemplate chat_template, Tokenizer tokenizer,
                   Tokenizer target, Generator generator, GenerationOptions search, ChatStyle style,
                   Shell& shell)
    : model_(model),
      template_(std::move(chat_template)),
      tokenizer_(std::move(tokenizer)),
      generator_(std::move(generator)),
      search_(std::move(search)),
      text_{.tokenizer = std::move(target),
            .continues = model.info().target_vocabulary_size == 0,
            .stop_strings = search_.stop_strings,
            .logprobs = search_.top_logprobs >= 0,
            .trims = true},
      style_(std::move(style)),
      streams_(!style_.json && search_.beams == 1 && search_.num_return_sequences == 1),
      shell_(shell) {}

Result<Chatting> Chatting::create(const Model& model, GenerationOptions search, ChatStyle style,
                                  const SessionOptions& session, Shell& shell) {
  LANEWISE_ASSIGN_OR_RETURN(Generator generator, Generator::create(model, session));
  LANEWISE_ASSIGN_OR_RETURN(ChatTemplate chat_template, ChatTemplate::of(model));
  LANEWISE_RETURN_IF_ERROR(validate(search, model.info().generated_vocabulary_size()));
  LANEWISE_ASSIGN_OR_RETURN(Tokenizer tokenizer, Tokenizer::of(model));
  LANEWISE_ASSIGN_OR_RETURN(Tokenizer target, Tokenizer::of_target(model));
  return Chatting(model, std::move(chat_template), std::move(tokenizer), std::move(target),
                  std::move(generator), std::move(search), std::move(style), shell);
}

/// The tokens of the conversation. The template has written the special ones.
Result<std::vector<int32_t>> Chatting::prompt(std::string_view messages,
                                              std::string_view tools) const {
  Conversation conversation;
  conversation.messages = messages;
  conversation.tools = tools;
  conversation.variables = style_.variables;
  conversation.add_generation_prompt = true;
  LANEWISE_ASSIGN_OR_RETURN(const std::string text, template_.render(conversation));
  EncodeOptions options;
  options.add_special_tokens = false;
  LANEWISE_ASSIGN_OR_RETURN(Encoding encoding, tokenizer_.encode(text, options));
  const auto tokens = static_cast<int64_t>(encoding.ids.size());
  const int64_t limit = model_.info().max_tokens;
  if (tokens > limit) {
    return invalid_argument(
        fmt::format("the conversation has {} tokens; the model's context has {}", tokens, limit));
  }
  LANEWISE_ASSIGN_OR_RETURN(Source source, source_of_ids(std::move(encoding.ids), model_.info()));
  return std::move(source.ids);
}

Result<Generation> Chatting::generate(const std::vector<int32_t>& prompt) {
  const std::span<const int32_t> before(prompt.data(), text_.continues ? prompt.size() : 0);
  LANEWISE_ASSIGN_OR_RETURN(TextStream stream,
                            TextStream::create(*text_.tokenizer, before, text_.stop_strings));
  Status written;
  bool begins = true;
  const auto show = [&](const Result<std::string_view>& piece) {
    if (!piece.ok()) {
      written = piece.status();
      return false;
    }
    std::string_view shown = *piece;
    if (begins && shown.starts_with(' ')) shown.remove_prefix(1);
    begins = begins && piece->empty();
    written = shell_.out.write(shown);
    if (written.ok()) written = shell_.out.flush();
    return written.ok() && !shell_.out.reader_gone();
  };
  GenerationCallbacks callbacks;
  if (streams_) {
    callbacks.on_token = [&](int64_t, int32_t token) { return show(stream.add(token)); };
  }
  RunOptions run;
  run.cancel = &interrupted();
  LANEWISE_ASSIGN_OR_RETURN(
      std::vector<Generation> generations,
      generator_.generate({&prompt, 1}, search_, callbacks, run, constraints_));
  LANEWISE_RETURN_IF_ERROR(written);
  if (streams_) show(stream.finish());
  LANEWISE_RETURN_IF_ERROR(written);
  return std::move(generations.front());
}

Result<std::string> Chatting::print(const Generation& generation,
                                    const std::vector<int32_t>& prompt) {
  const Hypothesis& best = generation.hypotheses.front();
  LANEWISE_ASSIGN_OR_RETURN(std::string text, text_of(best, text_, prompt));
  std::string line;
  if (style_.json) {
    LANEWISE_ASSIGN_OR_RETURN(line, to_json(generation, text_, prompt));
  } else if (!streams_) {
    line = text;
  }
  LANEWISE_RETURN_IF_ERROR(shell_.out.line(line));
  LANEWISE_RETURN_IF_ERROR(shell_.out.flush());
  if (best.finish_reason == FinishReason::kLength && !style_.json) {
    shell_.note("the answer was cut off at the maximum length");
  }
  return text;
}

Result<std::string> Chatting::answer(std::string_view messages, std::string_view tools) {
  LANEWISE_ASSIGN_OR_RETURN(const std::vector<int32_t> tokens, prompt(messages, tools));
  LANEWISE_ASSIGN_OR_RETURN(const Generation generation, generate(tokens));
  return print(generation, tokens);
}

namespace {

/// The messages so far, and the terminal or pipe that they come from.
class Talk {
 public:
  Talk(Chatting& chatting, const std::string& system, LineReader lines, Shell& shell)
      : chatting_(chatting),
        lines_(std::move(lines)),
        shell_(shell),
        asks_(::isatty(STDIN_FILENO) != 0) {
    if (!system.empty()) system_ = message_json("system", system);
    reset();
  }

  Status run() {
    if (asks_) {
      let_interrupts_end_requests();
      shell_.note(
          "/reset starts a new conversation; /exit, or Ctrl-D, ends; Ctrl-C ends an answer");
    }
    while (true) {
      if (asks_ && !shell_.common.quiet) ask();
      const auto read = lines_.next(1, 1);
      if (asks_ && clear_interrupt()) return end();
      if (!read.ok()) return read.status();
      if (read->empty()) return end();
      const std::string line(read->front());
      const std::string_view command = command_in(line);
      if (command == "/exit") return {};
      if (command == "/reset") {
        reset();
      } else if (!is_blank(line)) {
        LANEWISE_RETURN_IF_ERROR(take(line));
      }
    }
  }

 private:
  void reset() {
    messages_.clear();
    if (!system_.empty()) messages_.push_back(system_);
  }

  static void ask() {
    constexpr std::string_view kPrompt = "> ";
    if (::write(STDERR_FILENO, kPrompt.data(), kPrompt.size()) < 0) {
      // Whoever cannot see the prompt can still type.
    }
  }

  /// The cursor is behind the prompt.
  Status end() const {
    if (asks_) shell_.note("");
    return {};
  }

  std::string json() const {
    std::string json = "[";
    for (const std::string& message : messages_) json += (json.size() > 1 ? ", " : "") + message;
    return json + "]";
  }

  /// Answers a message. At a terminal an error takes only this message back.
  Status take(const std::string& line) {
    const Status valid = check_utf8(line);
    if (!valid.ok()) return fail(valid);
    messages_.push_back(message_json("user", line));
    const Result<std::string> answer = chatting_.answer(json(), {});
    if (!answer.ok()) {
      messages_.pop_back();
      return fail(answer.status());
    }
    messages_.push_back(message_json("assistant", *answer));
    if (!interrupted()) return {};
    return asks_ && clear_interrupt() ? Status() : cancelled("interrupted");
  }

  Status fail(const Status& status) const {
    if (!asks_ || status.code() == StatusCode::kIo || interrupted()) return status;
    print_error(status.message());
    return {};
  }

  Chatting& chatting_;
  LineReader lines_;
  Shell& shell_;
  bool asks_;
  std::string system_;
  std::vector<std::string> messages_;
};

}  // namespace

Status converse(Chatting& chatting, const std::string& system, Shell& shell) {
  LANEWISE_ASSIGN_OR_RETURN(LineReader lines, LineReader::open("-"));
  return Talk(chatting, system, std::move(lines), shell).run();
}

}  // namespace lanewise::cli
