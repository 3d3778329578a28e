// Prompts and expressions against Transformers' and Jinja's: tests/reference/make_chat_templates.py.

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "runtime/chat/template.hpp"
#include "tests/test_data.hpp"

namespace lanewise::chat {
namespace {

using Json = nlohmann::json;

const Json& chat_template_golden_golden() {
  static const Json json = [] {
    std::ifstream file(test_data_folder() + "/chat/templates.json");
    return Json::parse(file, nullptr, /*allow_exceptions=*/false);
  }();
  return json;
}

/// What the script's clock says.
const std::tm& now() {
  static const std::tm time = [] {
    std::tm fixed{};
    fixed.tm_year = 2026 - 1900;
    fixed.tm_mon = 6;
    fixed.tm_mday = 4;
    fixed.tm_hour = 15;
    fixed.tm_min = 6;
    fixed.tm_sec = 7;
    fixed.tm_wday = 6;
    fixed.tm_yday = 184;
    return fixed;
  }();
  return time;
}

/// The result is `expected`; any error is, if that is null.
void expect_text(const Result<std::string>& result, const Json& expected, const std::string& what) {
  if (expected.is_null()) {
    EXPECT_FALSE(result.ok()) << what << " gives " << *result;
    return;
  }
  ASSERT_TRUE(result.ok()) << what << ": " << result.status().message();
  EXPECT_EQ(*result, expected.get<std::string>()) << what;
}

class ChatTemplateGolden : public testing::TestWithParam<std::string> {};

TEST_P(ChatTemplateGolden, MakesThePromptsOfTransformers) {
  const std::string text = chat_template_golden_golden().at("templates").at(GetParam());
  const Result<ChatTemplate> chat_template = ChatTemplate::parse(text);
  ASSERT_TRUE(chat_template.ok()) << chat_template.status().message();
  int cases = 0;
  for (const Json& c : chat_template_golden_golden().at("cases")) {
    if (c.at("template") != GetParam()) continue;
    const std::string messages =
        chat_template_golden_golden().at("conversations").at(c.at("messages"));
    const std::string tools = chat_template_golden_golden().at("tools").at(c.at("tools"));
    const std::string variables = c.at("variables");
    ChatInput input;
    input.messages = messages;
    input.tools = tools;
    input.variables = variables;
    input.add_generation_prompt = c.at("add_generation_prompt");
    input.special_tokens = {{"bos_token", "<s>"}, {"eos_token", "</s>"}};
    input.now = &now();
    Json what = c;
    what.erase("prompt");
    expect_text(chat_template->render(input), c.at("prompt"), what.dump());
    ++cases;
  }
  EXPECT_GE(cases, 20);
}

std::vector<std::string> template_names() {
  std::vector<std::string> names;
  for (const auto& [name, text] : chat_template_golden_golden().at("templates").items())
    names.push_back(name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(Families, ChatTemplateGolden, testing::ValuesIn(template_names()),
                         [](const auto& test) { return test.param; });

TEST(ChatTemplateExpressions, PrintWhatJinjaPrints) {
  const std::string values = chat_template_golden_golden().at("values");
  int expressions = 0;
  for (const Json& expression : chat_template_golden_golden().at("expressions")) {
    const std::string text = expression.at(0);
    ChatInput input;
    input.messages = "[]";
    input.variables = values;
    input.now = &now();
    const Result<ChatTemplate> chat_template = ChatTemplate::parse("{{ " + text + " }}");
    ASSERT_TRUE(chat_template.ok()) << text << ": " << chat_template.status().message();
    expect_text(chat_template->render(input), expression.at(1), text);
    ++expressions;
  }
  EXPECT_GE(expressions, 170);
}

}  // namespace
}  // namespace lanewise::chat
