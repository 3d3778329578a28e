#include "runtime/chat/stored_templates.hpp"

#include <gtest/gtest.h>

namespace lanewise::chat {
namespace {

TEST(StoredTemplatesTest, ComeBackAsTheyWere) {
  StoredTemplates stored;
  EXPECT_EQ(to_json(stored), "");
  stored.templates = {{"default", "a \"{{ b }}\"\n"}, {"tool_use", ""}, {"template", "x"}};
  stored.tokens = {{"bos_token", "<s>"}, {"image_token", "\xC3\xA9"}};
  const auto back = parse_stored_templates(to_json(stored));
  ASSERT_TRUE(back.ok()) << back.status().message();
  EXPECT_EQ(*back, stored);
  stored.templates.erase("default");
  EXPECT_EQ(*parse_stored_templates(to_json(stored)), stored);
}

TEST(StoredTemplatesTest, ASingleTemplateIsAField) {
  const auto stored = parse_stored_templates(R"({"template": "t", "eos_token": "</s>"})");
  ASSERT_TRUE(stored.ok()) << stored.status().message();
  EXPECT_EQ(stored->templates.at("default"), "t");
  EXPECT_EQ(stored->tokens.at("eos_token"), "</s>");
}

/// A token cannot take the place of a template.
TEST(StoredTemplatesTest, TokensHaveOtherNames) {
  StoredTemplates stored;
  stored.templates = {{"default", "a"}};
  stored.tokens = {{"template", "b"}, {"named", "c"}};
  EXPECT_EQ(to_json(stored), R"({"template":"a"})");
}

TEST(StoredTemplatesTest, DamageIsNamed) {
  for (const auto& [json, part] : {std::pair{"", ""},
                                   {"[]", "object"},
                                   {"{}", "no template"},
                                   {R"({"bos_token": "a"})", "no template"},
                                   {R"({"template": 3})", "template"},
                                   {R"({"template": "a", "bos_token": 3})", "bos_token"},
                                   {R"({"template": "a", "bos_token": null})", "bos_token"},
                                   {R"({"named": ["a"]})", "named"},
                                   {R"({"named": {"a": 3}})", "named"}}) {
    const auto stored = parse_stored_templates(json);
    EXPECT_EQ(stored.status().code(), StatusCode::kDataLoss) << json;
    EXPECT_NE(stored.status().message().find(part), std::string::npos) << json;
  }
}

}  // namespace
}  // namespace lanewise::chat
