// Chat templates of folders, compared with Transformers: tests/reference/make_chat_folders.py.

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include <nlohmann/json.hpp>

#include "lanewise/chat.hpp"
#include "lanewise/tokenizer.hpp"
#include "runtime/model_data.hpp"
#include "tests/converters/hf_folder.hpp"
#include "tests/test_data.hpp"

namespace lanewise::converters {
namespace {

// Prompts depend on the order of members.
using OrderedJson = nlohmann::ordered_json;

class ChatTemplatesTest : public HfDecoderFolderTest {
 protected:
  void SetUp() override {
    HfDecoderFolderTest::SetUp();
    use("llama");
    write();
  }

  void put_text(const std::string& name, const OrderedJson& contents) {
    std::filesystem::create_directories(std::filesystem::path(path(name)).parent_path());
    put(name, contents.is_string() ? contents.get<std::string>() : contents.dump());
  }

  void remove(const std::string& name) { std::filesystem::remove_all(path(name)); }

  /// A folder with the files of a case, and none of the one before.
  void use_files(const OrderedJson& files) {
    for (const char* name : {"chat_template.jinja", "chat_template.json", "special_tokens_map.json",
                             "additional_chat_templates"}) {
      remove(name);
    }
    for (const auto& [name, contents] : files.items()) put_text(name, contents);
  }

  Result<ChatTemplate> load_template() { return load_chat_template(source_.string(), options_); }

  std::string rendered(std::string_view messages = R"([{"role": "user", "content": "hi"}])") {
    const auto loaded = load_template();
    EXPECT_TRUE(loaded.ok()) << loaded.status().message();
    if (!loaded.ok()) return {};
    Conversation conversation;
    conversation.messages = messages;
    const auto prompt = loaded->render(conversation);
    EXPECT_TRUE(prompt.ok()) << prompt.status().message();
    return prompt.ok() ? *prompt : std::string();
  }
};

OrderedJson folders() {
  std::ifstream in(test_data_folder() + "/chat/folders.json");
  return OrderedJson::parse(in, nullptr, /*allow_exceptions=*/false);
}

void expect_prompt(const OrderedJson& expected, const ChatTemplate& made,
                   const Tokenizer& tokenizer) {
  const std::string messages = expected["messages"].dump();
  const std::string tools = expected.contains("tools") ? expected["tools"].dump() : "";
  Conversation conversation;
  conversation.messages = messages;
  conversation.tools = tools;
  conversation.add_generation_prompt = expected.value("add_generation_prompt", false);
  const auto prompt = made.render(conversation);
  if (expected.contains("error")) {
    EXPECT_EQ(prompt.status().code(), StatusCode::kInvalidArgument);
    return;
  }
  ASSERT_TRUE(prompt.ok()) << prompt.status().message();
  EXPECT_EQ(*prompt, expected["text"].get<std::string>());
  EncodeOptions options;
  options.add_special_tokens = false;
  const auto encoding = tokenizer.encode(*prompt, options);
  ASSERT_TRUE(encoding.ok()) << encoding.status().message();
  EXPECT_EQ(encoding->ids, expected["ids"].get<std::vector<int32_t>>());
}

TEST_F(ChatTemplatesTest, RendersWhatTransformersRenders) {
  const OrderedJson cases = folders();
  ASSERT_GE(cases.size(), 17u) << "LANEWISE_TEST_DATA is not tests/data";
  for (const OrderedJson& one : cases) {
    SCOPED_TRACE(one["name"].get<std::string>());
    use_files(one["files"]);
    ASSERT_TRUE(convert_folder().ok());
    const auto model = Model::open(destination());
    ASSERT_TRUE(model.ok()) << model.status().message();
    const auto made = ChatTemplate::of(*model);
    if (one["name"] == "none") {
      EXPECT_EQ(made.status().code(), StatusCode::kNotFound);
      EXPECT_EQ(load_template().status().message(), made.status().message());
      continue;
    }
    ASSERT_TRUE(made.ok()) << made.status().message();
    const auto tokenizer = Tokenizer::of(*model);
    ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().message();
    for (const OrderedJson& expected : one["renders"]) expect_prompt(expected, *made, *tokenizer);
  }
}

TEST_F(ChatTemplatesTest, TheFileOfAProcessorCountsWhereThereIsNoOther) {
  put("chat_template.json", R"({"chat_template": "processor"})");
  EXPECT_EQ(rendered(), "processor");
  put("tokenizer_config.json", R"({"chat_template": "setting"})");
  EXPECT_EQ(rendered(), "setting");
  put("chat_template.jinja", "file");
  EXPECT_EQ(rendered(), "file");
}

TEST_F(ChatTemplatesTest, NamesAreThoseOfTheFolder) {
  put("chat_template.jinja", "one");
  put_text("additional_chat_templates/tool_use.jinja", "two");
  put_text("additional_chat_templates/notes.txt", "{% three");
  const auto made = load_template();
  ASSERT_TRUE(made.ok()) << made.status().message();
  EXPECT_EQ(*made->names(), (std::vector<std::string>{"default", "tool_use"}));
  Conversation conversation;
  conversation.messages = R"([{"role": "user", "content": "hi"}])";
  conversation.template_name = "tool_use";
  EXPECT_EQ(*made->render(conversation), "two");
  conversation.template_name = "rag";
  EXPECT_TRUE(has(made->render(conversation).status().message(), "'rag'", "default, tool_use"));
}

TEST_F(ChatTemplatesTest, VariablesReplaceTokens) {
  put("tokenizer_config.json",
      R"({"bos_token": "<s>", "chat_template": "{{ bos_token }}{{ mood }}"})");
  const auto made = load_template();
  ASSERT_TRUE(made.ok()) << made.status().message();
  Conversation conversation;
  conversation.messages = R"([{"role": "user", "content": "hi"}])";
  conversation.variables = R"({"mood": "good"})";
  EXPECT_EQ(*made->render(conversation), "<s>good");
  conversation.variables = R"({"bos_token": "[", "mood": 1})";
  EXPECT_EQ(*made->render(conversation), "[1");
}

/// A model generates whatever its template is.
TEST_F(ChatTemplatesTest, ATemplateThatIsNotSupportedIsAnErrorOnlyOfItsUse) {
  put("chat_template.jinja", "a\n{% include 'other' %}");
  ASSERT_TRUE(convert_folder().ok());
  EXPECT_TRUE(reported("cannot chat"));
  const auto model = Model::open(destination());
  ASSERT_TRUE(model.ok());
  const auto made = ChatTemplate::of(*model);
  EXPECT_EQ(made.status().code(), StatusCode::kUnsupported);
  EXPECT_TRUE(has(made.status().message(), "chat template", "include", "line 2"));
  // One of several.
  put_text("additional_chat_templates/rag.jinja", "good");
  const auto two = load_template();
  ASSERT_TRUE(two.ok()) << two.status().message();
  Conversation conversation;
  conversation.messages = R"([{"role": "user", "content": "hi"}])";
  EXPECT_EQ(two->render(conversation).status().code(), StatusCode::kUnsupported);
  conversation.template_name = "rag";
  EXPECT_EQ(*two->render(conversation), "good");
}

TEST_F(ChatTemplatesTest, WhatIsNoTemplateIsLeftOut) {
  const auto expect_none = [&](const std::string& part) {
    reports_.clear();
    EXPECT_TRUE(convert_folder().ok());
    EXPECT_TRUE(reported(part)) << part;
    EXPECT_EQ(load_template().status().code(), StatusCode::kNotFound);
  };
  put("chat_template.jinja", "\xff");
  expect_none("UTF-8");
  put("chat_template.jinja", std::string((1 << 20) + 1, 'a'));
  expect_none("1048576");
  remove("chat_template.jinja");
  put("tokenizer_config.json", R"({"chat_template": 7})");
  expect_none("expected a text, found 7");
  put("tokenizer_config.json", R"({"chat_template": [{"name": "default"}]})");
  expect_none("found nothing");
  put("tokenizer_config.json", R"({"chat_template": ["text"]})");
  expect_none("expected a name");
  put("tokenizer_config.json", "{}");
  put("chat_template.json", "{");
  expect_none("chat_template.json");
}

TEST_F(ChatTemplatesTest, AnEmptyConversationIsRefused) {
  put("chat_template.jinja", "{{ messages | length }}");
  const auto made = load_template();
  ASSERT_TRUE(made.ok()) << made.status().message();
  Conversation conversation;
  for (const auto& [messages, message] : {std::pair{"[]", "messages"},
                                          {"", "messages"},
                                          {"{}", "expected a list"},
                                          {"[3]", "messages[0]"}}) {
    conversation.messages = messages;
    const auto prompt = made->render(conversation);
    EXPECT_EQ(prompt.status().code(), StatusCode::kInvalidArgument);
    EXPECT_TRUE(has(prompt.status().message(), message));
  }
}

}  // namespace
}  // namespace lanewise::converters
