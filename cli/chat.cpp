#include <memory>
#include <string>

#include "cli/cache_flags.hpp"
#include "cli/chatting.hpp"
#include "cli/command.hpp"
#include "cli/grammar_flags.hpp"
#include "cli/interrupt.hpp"
#include "cli/lines.hpp"
#include "cli/open_model.hpp"
#include "cli/search_flags.hpp"
#include "lanewise/chat.hpp"
#include "lanewise/convert.hpp"
#include "lanewise/messages.hpp"
#include "lanewise/status_macros.hpp"
#include "lanewise/tokenizer.hpp"

namespace lanewise::cli {
namespace {

struct ChatOptions {
  std::string model;
  std::string system;
  std::string messages;
  std::string tools;
  std::string variables;
  bool render = false;
  bool add_generation_prompt = false;
  bool json = false;
  SearchFlags search;
  GrammarFlags grammar;
  CacheFlags cache;
};

void check_usage(const ChatOptions& options) {
  options.search.check_usage(options.json);
  options.grammar.check_usage();
  const bool conversation_on_stdin = options.messages.empty() || options.messages == "-";
  if (options.grammar.reads_stdin() && (conversation_on_stdin || options.tools == "-")) {
    wrong_usage("a grammar and the conversation cannot both come from stdin");
  }
  if (options.messages.empty()) {
    if (!options.tools.empty()) wrong_usage("--tools needs --messages");
    if (options.render) wrong_usage("--render needs --messages");
  }
  if (options.messages == "-" && options.tools == "-") {
    wrong_usage("--messages and --tools cannot both read stdin");
  }
  if (options.add_generation_prompt && !options.render) {
    wrong_usage("--add-generation-prompt is for --render: an answer always has it");
  }
  if (options.render && options.json) wrong_usage("--render and --json exclude each other");
}

/// The JSON texts of --messages and --tools.
struct Input {
  std::string messages;
  std::string tools;
};

Result<Input> read_input(const ChatOptions& options) {
  Input input;
  if (options.messages.empty()) return input;
  LANEWISE_ASSIGN_OR_RETURN(input.messages, LineReader::read_all(options.messages));
  if (!options.tools.empty()) {
    LANEWISE_ASSIGN_OR_RETURN(input.tools, LineReader::read_all(options.tools));
  }
  if (!options.system.empty()) {
    input.messages = with_first_message(input.messages, message_json("system", options.system));
  }
  return input;
}

/// Prints the prompt, and nothing else: no line end either.
Status render(const ChatOptions& options, const Input& input, Shell& shell) {
  LANEWISE_ASSIGN_OR_RETURN(const ChatTemplate chat_template,
                            load_chat_template(options.model, convert_options(shell)));
  Conversation conversation;
  conversation.messages = input.messages;
  conversation.tools = input.tools;
  conversation.variables = options.variables;
  conversation.add_generation_prompt = options.add_generation_prompt;
  const Result<std::string> prompt = chat_template.render(conversation);
  if (!prompt.ok()) return prompt.status().with_context(in_quotes(options.messages));
  return shell.out.write(*prompt);
}

Status chat(const ChatOptions& options, Shell& shell) {
  check_usage(options);
  catch_interrupts();
  LANEWISE_RETURN_IF_ERROR(check_utf8(options.system).with_context("--system"));
  LANEWISE_ASSIGN_OR_RETURN(const Input input, read_input(options));
  if (options.render) return render(options, input, shell);
  LANEWISE_ASSIGN_OR_RETURN(const Model model, open_model(options.model, shell));
  LANEWISE_ASSIGN_OR_RETURN(Chatting chatting,
                            Chatting::create(model, options.search.over(model.info().generation),
                                             {.json = options.json, .variables = options.variables},
                                             options.cache.over(shell.session_options()), shell));
  if (options.grammar.given()) {
    LANEWISE_ASSIGN_OR_RETURN(const Tokenizer target, Tokenizer::of_target(model));
    LANEWISE_ASSIGN_OR_RETURN(const Constraint constraint, options.grammar.constraint(target));
    chatting.constrain(constraint);
  }
  if (options.messages.empty()) return converse(chatting, options.system, shell);
  const Result<std::string> answer = chatting.answer(input.messages, input.tools);
  if (interrupted()) return cancelled("interrupted");
  if (!answer.ok()) return answer.status().with_context(in_quotes(options.messages));
  return {};
}

}  // namespace

Command make_chat(CLI::App& program, Shell& shell) {
  CLI::App* command =
      add_command(program, shell, "chat", "Converse with a model through its chat template");
  const auto options = std::make_shared<ChatOptions>();
  add_model(*command, options->model);
  command->add_option("--system", options->system, "The system's message, before all others")
      ->type_name("TEXT");
  command
      ->add_option("--messages", options->messages,
                   "Answer once: a JSON list of {\"role\", \"content\", ...}; `-` is stdin")
      ->type_name("FILE.json");
  command
      ->add_option("--tools", options->tools,
                   "A JSON list of the functions that the model may call; `-` is stdin")
      ->type_name("FILE.json");
  command
      ->add_option(
          "--template-variables", options->variables,
          "A JSON object of other variables for the template: {\"enable_thinking\": false}")
      ->type_name("JSON");
  command->add_flag("--render", options->render,
                    "Print the prompt that the template makes of the messages, and nothing else");
  command->add_flag("--add-generation-prompt", options->add_generation_prompt,
                    "With --render: end the prompt where the answer begins");
  command->add_flag("--json", options->json,
                    "Print one object per answer: text, ids, score, finish_reason");
  options->search.add_to(*command);
  options->grammar.add_to(*command);
  options->cache.add_to(*command, /*with_bytes=*/true);
  command->footer(
      "Without --messages each line of stdin is a message of the user, and the model answers with\n"
      "the whole conversation in mind. /reset starts a new one; /exit or the end of the input\n"
      "ends. At a terminal Ctrl-C ends an answer, and at the prompt the program.\n\n"
      "  lanewise chat smollm2.lw --system \"Answer in one sentence.\"\n"
      "  lanewise chat smollm2.lw --regex \"(yes|no)\"\n"
      "  lanewise chat smollm2.lw --messages conversation.json --render");
  return {command, [options, &shell] { return chat(*options, shell); }};
}

}  // namespace lanewise::cli
