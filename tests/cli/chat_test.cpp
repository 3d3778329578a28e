#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/cli/letters_model.hpp"

namespace lanewise::cli {
namespace {

using Json = nlohmann::json;

constexpr const char* kHi = R"([{"role": "user", "content": "hi user"}])";

class ChatCommandTest : public LettersTest {
 protected:
  void SetUp() override {
    LettersTest::SetUp();
    put("hi.json", kHi);
  }

  Outcome chat(std::vector<std::string> arguments, std::string input = {}) {
    return command("chat", std::move(arguments), std::move(input));
  }

  /// The answer to messages, with the flags of all tests.
  std::string answer(const std::string& messages, std::vector<std::string> flags = {}) {
    flags.insert(flags.end(), {"--messages", "-", "--max-new-tokens", "12"});
    const Outcome outcome = chat(flags, messages);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return outcome.out;
  }

  static Json message(const std::string& role, const std::string& content) {
    return {{"role", role}, {"content", content}};
  }
};

TEST_F(ChatCommandTest, RendersThePromptAndNothingElse) {
  const Outcome outcome = chat({"--messages", path("hi.json"), "--render"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "<|im_start|>user\nhi user<|im_end|>\n");
  EXPECT_EQ(outcome.err, "");
  EXPECT_EQ(chat({"--messages", "-", "--render", "--add-generation-prompt"}, kHi).out,
            "<|im_start|>user\nhi user<|im_end|>\n<|im_start|>assistant\n");
  EXPECT_EQ(chat({"--messages", "-", "--render", "--system", "be \"brief\""}, kHi).out,
            "<|im_start|>system\nbe \"brief\"<|im_end|>\n<|im_start|>user\nhi user<|im_end|>\n");
  const Outcome damaged = chat({"--messages", "-", "--render", "--system", "\xff"}, kHi);
  EXPECT_EQ(damaged.exit_code, 1);
  EXPECT_EQ(damaged.err, "lanewise: error: --system: text is not UTF-8 at byte 0\n");
  ASSERT_EQ(run({"convert", source_.string(), "-o", destination(), "--quiet"}).exit_code, 0);
  EXPECT_EQ(run({"chat", destination(), "--messages", path("hi.json"), "--render"}).out,
            outcome.out);
}

TEST_F(ChatCommandTest, RendersTools) {
  use_files("list");
  put("tools.json", R"([{"type": "function", "function": {"name": "now"}}])");
  EXPECT_EQ(chat({"--messages", path("hi.json"), "--tools", path("tools.json"), "--render"}).out,
            "<s><tool>{\"type\": \"function\", \"function\": {\"name\": \"now\"}}hi user");
  EXPECT_EQ(chat({"--messages", path("hi.json"), "--render"}).out, "<s>user: hi user</s>");
}

TEST_F(ChatCommandTest, RendersVariables) {
  put("tokenizer_config.json",
      R"({"chat_template": "{{ enable_thinking }}{{ messages[0].content }}"})");
  EXPECT_EQ(
      chat({"--messages", "-", "--render", "--template-variables", R"({"enable_thinking": false})"},
           kHi)
          .out,
      "Falsehi user");
}

TEST_F(ChatCommandTest, AnswersWhatGenerateContinues) {
  const std::string prompt = "<|im_start|>user\nhi user<|im_end|>\n<|im_start|>assistant\n";
  const std::string text = answer(kHi);
  EXPECT_GT(text.size(), 3u);
  // The prompt has no <s> before it, which generate puts there.
  put("tokenizer.json", [&] {
    std::ifstream in(path("tokenizer.json"));
    Json tokenizer = Json::parse(in);
    tokenizer["post_processor"] = nullptr;
    return tokenizer.dump();
  }());
  const Outcome continued = command("generate", {"--max-new-tokens", "12", "--json", prompt});
  ASSERT_EQ(continued.exit_code, 0) << continued.err;
  const Json object = continued.objects().at(0);
  EXPECT_EQ(text, object["text"].get<std::string>() + "\n");
  EXPECT_EQ(answer(kHi), text);
  const Json own = Json::parse(answer(kHi, {"--json"}));
  EXPECT_EQ(own, object);
}

TEST_F(ChatCommandTest, FlagsOfGenerateHold) {
  const std::string text = answer(kHi);
  EXPECT_NE(answer(kHi, {"--temperature", "3", "--seed", "5"}), text);
  EXPECT_EQ(answer(kHi, {"--temperature", "3", "--top-k", "1"}), text);
  const Json beams = Json::parse(answer(kHi, {"--json", "--beams", "3"}));
  EXPECT_EQ(answer(kHi, {"--beams", "3"}), beams["text"].get<std::string>() + "\n");
  const std::string letter(1, text[2]);
  const size_t first = text.find(letter);
  EXPECT_EQ(answer(kHi, {"--stop", letter}), text.substr(0, first) + "\n");
  const Json logprobs = Json::parse(answer(kHi, {"--json", "--top-logprobs", "2"}));
  EXPECT_EQ(logprobs["logprobs"].size(), logprobs["ids"].size());
  EXPECT_EQ(answer(kHi, {"--regex", "[su]{3}"}).find_first_not_of("su"), 3u);
}

TEST_F(ChatCommandTest, AGrammarHoldsForEveryAnswer) {
  put("word.gbnf", "root ::= \"user\"");
  EXPECT_EQ(chat({"--grammar", path("word.gbnf")}, "hi\nuser?\n").out, "user\nuser\n");
  put("schema.json", R"({"enum": ["user"]})");
  EXPECT_EQ(chat({"--json-schema", path("schema.json")}, "hi\n").out, "\"user\"\n");
  EXPECT_TRUE(is_error(chat({"--regex", "(?=a)"}, "hi\n"), "look-around"));
}

/// The history is what was said before.
TEST_F(ChatCommandTest, APipeIsAConversation) {
  const std::vector<std::string> flags = {"--max-new-tokens", "12", "--json", "--system",
                                          "be kind"};
  const Outcome outcome = chat(flags, "hi\r\n\n  \nuser?\n/reset\nuser?");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  ASSERT_EQ(outcome.objects().size(), 3u);
  Json messages = {message("system", "be kind"), message("user", "hi")};
  EXPECT_EQ(outcome.objects()[0], Json::parse(answer(messages.dump(), {"--json"})));
  messages.push_back(message("assistant", outcome.objects()[0]["text"]));
  messages.push_back(message("user", "user?"));
  EXPECT_EQ(outcome.objects()[1], Json::parse(answer(messages.dump(), {"--json"})));
  messages = {message("system", "be kind"), message("user", "user?")};
  EXPECT_EQ(outcome.objects()[2], Json::parse(answer(messages.dump(), {"--json"})));
  // The same as texts.
  const Outcome texts = chat({"--max-new-tokens", "12", "--system", "be kind"}, "hi\nuser?\n");
  std::string expected;
  for (int i = 0; i < 2; ++i) {
    expected += outcome.objects()[static_cast<size_t>(i)]["text"].get<std::string>() + "\n";
  }
  EXPECT_EQ(texts.out, expected);
}

TEST_F(ChatCommandTest, AConversationEnds) {
  const std::string one = chat({"--max-new-tokens", "3"}, "hi\n").out;
  EXPECT_EQ(chat({"--max-new-tokens", "3"}, "hi\n /exit \nhi\n").out, one);
  const Outcome none = chat({"--max-new-tokens", "3"}, "");
  EXPECT_EQ(none.exit_code, 0);
  EXPECT_EQ(none.out, "");
}

TEST_F(ChatCommandTest, ACutAnswerIsMentioned) {
  const Outcome outcome =
      run({"chat", source_.string(), "--messages", path("hi.json"), "--max-new-tokens", "2"});
  EXPECT_TRUE(converters::has(outcome.err, "cut off"));
}

TEST_F(ChatCommandTest, NamesWhatIsWrong) {
  const auto with_messages = [&](const std::string& messages) {
    return chat({"--messages", "-"}, messages);
  };
  EXPECT_TRUE(is_error(with_messages("["), "messages"));
  EXPECT_TRUE(is_error(with_messages("[]"), "no messages"));
  EXPECT_TRUE(is_error(with_messages(""), "no messages"));
  EXPECT_TRUE(is_error(with_messages("{}"), "expected a list"));
  EXPECT_TRUE(is_error(with_messages("[\"hi\"]"), "messages[0]"));
  EXPECT_TRUE(is_error(chat({"--messages", "/nonexistent.json"}), "/nonexistent.json"));
  put("bad.json", "[1");
  EXPECT_TRUE(
      is_error(chat({"--messages", path("hi.json"), "--tools", path("bad.json")}), "tools"));
  const std::string kLong = Json(std::vector<Json>{message("user", std::string(500, 'x'))}).dump();
  EXPECT_TRUE(is_error(with_messages(kLong), "516 tokens", "400"));
  EXPECT_TRUE(is_error(chat({}, std::string(500, 'x')), "516 tokens", "400"));
  EXPECT_TRUE(is_error(chat({}, "\xff\n"), "UTF-8"));
  put("chat_template.jinja", "{{ raise_exception('users only') }}");
  EXPECT_TRUE(is_error(with_messages(kHi), "users only"));
  put("chat_template.jinja", "{% import 'x' %}");
  EXPECT_TRUE(is_error(with_messages(kHi), "import"));
  EXPECT_TRUE(is_error(chat({"--messages", path("hi.json"), "--render"}), "import"));
  std::filesystem::remove(path("chat_template.jinja"));
  put("tokenizer_config.json", "{}");
  EXPECT_TRUE(is_error(with_messages(kHi), "no chat template"));
  EXPECT_TRUE(is_error(chat({"--messages", path("hi.json"), "--render"}), "no chat template"));
}

TEST_F(ChatCommandTest, WrongUsage) {
  EXPECT_TRUE(is_wrong_usage(chat({"--render"}), "--messages"));
  EXPECT_TRUE(is_wrong_usage(chat({"--tools", "x"}), "--messages"));
  EXPECT_TRUE(is_wrong_usage(chat({"--messages", "x", "--add-generation-prompt"}), "--render"));
  EXPECT_TRUE(is_wrong_usage(chat({"--messages", "-", "--tools", "-"}), "stdin"));
  EXPECT_TRUE(is_wrong_usage(chat({"--grammar", "-"}), "stdin"));
  EXPECT_TRUE(is_wrong_usage(chat({"--regex", "a", "--grammar", "x"}), "exclude"));
  EXPECT_TRUE(is_wrong_usage(chat({"--messages", "x", "--render", "--json"}), "--json"));
  EXPECT_TRUE(is_wrong_usage(chat({"--messages", "x", "--top-logprobs", "2"}), "--json"));
  EXPECT_TRUE(is_wrong_usage(chat({"--beams", "2", "--temperature", "1"}), "exclude"));
}

}  // namespace
}  // namespace lanewise::cli
