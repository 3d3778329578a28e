#include <gtest/gtest.h>

#include "tests/runtime/text_tiny_vocabulary.hpp"

namespace lanewise::text {
namespace {

using Json = nlohmann::json;
using Ids = std::vector<int32_t>;

/// The outcome of parsing the tiny tokenizer.json with one part replaced.
Status with(const char* pointer, const Json& value) {
  Json json = tiny_json();
  json[Json::json_pointer(pointer)] = value;
  return parse_tokenizer(json.dump()).status();
}

void expect_text_load_failure(const Status& status, StatusCode code, const std::string& part) {
  EXPECT_EQ(status.code(), code) << status.message();
  EXPECT_NE(status.message().find(part), std::string::npos) << status.message();
}

TEST(TextParseTest, BrokenText) {
  const std::string whole = tiny_json().dump();
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(parse_tokenizer(std::string_view(whole).substr(0, size)).ok()) << size;
  }
  for (const char* text : {"", "null", "[]", "1", "\"x\"", "{\"model\": 1}", "{\"model\": {}}"}) {
    EXPECT_EQ(parse_tokenizer(text).status().code(), StatusCode::kDataLoss) << text;
  }
}

TEST(TextParseTest, DeepNesting) {
  for (const char* open : {"[", "{\"model\":"}) {
    std::string text;
    for (int i = 0; i < 1000000; ++i) text += open;
    EXPECT_FALSE(parse_tokenizer(text).ok());
  }
  const std::string closed = std::string(1000000, '[') + std::string(1000000, ']');
  EXPECT_FALSE(parse_tokenizer(closed).ok());
  const std::string unread = "{\"x\":" + closed + "," + tiny_json().dump().substr(1);
  EXPECT_EQ(parse_tokenizer(unread).status().message(), "JSON nests deeper than 64 levels");
}

TEST(TextParseTest, BytesChangedAtRandomGiveATokenizerOrAnError) {
  const std::string whole = tiny_json().dump();
  uint32_t state = 1;
  const auto next = [&] { return state = state * 1664525 + 1013904223, state >> 8; };
  for (int round = 0; round < 3000; ++round) {
    std::string text = whole;
    for (int i = 0; i < 3; ++i) text[next() % text.size()] = "0[]{}\",:-a\xFF"[next() % 11];
    const auto tokenizer = parse_tokenizer(text);
    if (!tokenizer.ok()) continue;
    EXPECT_TRUE((*tokenizer)->encode("Hello[MASK] 中é", {}).ok());
  }
}

TEST(TextParseTest, PartsThatWeLackAreNamed) {
  const Status cases[] = {
      with("/model/type", "Unigrams"),        with("/normalizer/type", "Unigram"),
      with("/pre_tokenizer/type", "Unigram"), with("/post_processor/type", "Unigram"),
      with("/decoder/type", "Unigram"),
  };
  for (const Status& status : cases)
    expect_text_load_failure(status, StatusCode::kUnsupported, "Unigram");
}

TEST(TextParseTest, WrongTypesAreNamed) {
  const std::pair<const char*, Json> cases[] = {
      {"/model/vocab", Json::array()},
      {"/model/vocab/hello", "8"},
      {"/model/vocab/hello", -1},
      {"/model/vocab/hello", 1.5},
      {"/model/vocab/hello", 18446744073709551615u},
      {"/model/unk_token", 1},
      {"/model/max_input_chars_per_word", -5},
      {"/model/continuing_subword_prefix", Json::array()},
      {"/normalizer", "BertNormalizer"},
      {"/normalizer/lowercase", "true"},
      {"/added_tokens", Json::object()},
      {"/added_tokens/0", "x"},
      {"/added_tokens/0/content", 1},
      {"/added_tokens/0/id", "0"},
      {"/added_tokens/0/special", 0},
      {"/post_processor/cls", Json::array({1, "[CLS]"})},
      {"/decoder/prefix", false},
  };
  for (const auto& [pointer, value] : cases) {
    expect_text_load_failure(with(pointer, value), StatusCode::kDataLoss,
                             std::string(pointer).substr(1, 5));
  }
}

TEST(TextParseTest, ContradictionsAreNamed) {
  expect_text_load_failure(with("/model/unk_token", "none"), StatusCode::kDataLoss, "none");
  expect_text_load_failure(with("/added_tokens/0/id", 77), StatusCode::kDataLoss, "[PAD]");
  expect_text_load_failure(with("/post_processor/sep", Json::array({"[SEP]", 999})),
                           StatusCode::kDataLoss, "999");
}

TEST(TextParseTest, LongTextsAreCutOnTheSideThatTheFileNames) {
  Json json = tiny_json();
  const EncodeOptions options = {.max_length = 4};
  const auto ids = [&](const Json& file) {
    return ids_of(*(*parse_tokenizer(file.dump()))->encode("hello world, hello!", options));
  };
  EXPECT_EQ(ids(json), (Ids{kCls, kHello, kWorld, kSep}));
  json["truncation"] = {{"direction", "Left"}};
  const Ids left = {kCls, kHello, kBang, kSep};
  EXPECT_EQ(ids(json), left);
  const auto tokenizer = parse_tokenizer(json.dump());
  EXPECT_EQ(ids(Json::parse((*tokenizer)->to_json())), left);
  EXPECT_TRUE((*tokenizer)->encode("hello world, hello!", options)->truncated);
  EXPECT_FALSE((*tokenizer)->encode("hello !", options)->truncated);
  const auto pair =
      (*tokenizer)->encode_pair("hello world, !", "world", {.max_length = 6}, nullptr);
  EXPECT_EQ(ids_of(*pair), (Ids{kCls, kComma, kBang, kSep, kWorld, kSep}));
  json["normalizer"] = {{"type", "Lowercase"}};  // makes it a tokenizer made of parts
  EXPECT_EQ(ids(json), left);
  EXPECT_EQ(ids(Json::parse((*parse_tokenizer(json.dump()))->to_json())), left);
}

TEST(TextParseTest, TwoTokensMayHaveOneId) {
  Json json = tiny_json();
  json["model"]["vocab"]["hello"] = kWorld;
  const auto tokenizer = parse_tokenizer(json.dump());
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  EXPECT_EQ(ids_of(*(*tokenizer)->encode("hello world", {})), (Ids{kCls, kWorld, kWorld, kSep}));
  json["added_tokens"][0]["content"] = "new";
  const auto other = parse_tokenizer(json.dump());
  ASSERT_TRUE(other.ok()) << other.status().message();
  EXPECT_EQ(ids_of(*(*other)->encode("new", {})), (Ids{kCls, kPad, kSep}));
  EXPECT_EQ((*other)->token(kPad), "new") << "an added token counts more";
}

TEST(TextParseTest, IdsMayHaveHolesButNotBeHuge) {
  Json json = tiny_json();
  json["model"]["vocab"]["far"] = 1000;
  const auto tokenizer = parse_tokenizer(json.dump());
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  EXPECT_EQ((*tokenizer)->vocabulary_size(), 1001);
  EXPECT_EQ((*tokenizer)->token(999), "");
  EXPECT_EQ((*tokenizer)->token(1000), "far");
  expect_text_load_failure(with("/model/vocab/far", 2147483647), StatusCode::kResourceExhausted,
                           "far");
  Json longest = tiny_json();
  longest["model"]["vocab"][std::string(5000, 'x')] = kTinySize;
  expect_text_load_failure(parse_tokenizer(longest.dump()).status(), StatusCode::kResourceExhausted,
                           "5000");
}

TEST(TextParseTest, Templates) {
  const auto piece = [](const char* kind, const char* id, int type) {
    return Json{{kind, {{"id", id}, {"type_id", type}}}};
  };
  const Json a = piece("Sequence", "A", 0);
  const Json b = piece("Sequence", "B", 2);
  const Json two = piece("SpecialToken", "two", 1);
  Json json = tiny_json();
  json["post_processor"] = {
      {"type", "TemplateProcessing"},
      {"single", {two, a}},
      {"pair", {b, two, a}},
      {"special_tokens",
       {{"two", {{"id", "two"}, {"ids", {kSep, kMask}}, {"tokens", {"x", "y"}}}}}}};
  const auto tokenizer = parse_tokenizer(json.dump());
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  EXPECT_EQ(ids_of(*(*tokenizer)->encode("hello", {})), (Ids{kSep, kMask, kHello}));
  std::vector<int32_t> types;
  const auto pair = (*tokenizer)->encode_pair("hello", "world", {}, &types);
  EXPECT_EQ(ids_of(*pair), (Ids{kWorld, kSep, kMask, kHello}));
  EXPECT_EQ(types, (Ids{2, 1, 1, 0}));

  json["post_processor"]["single"] = {a, a};
  expect_text_load_failure(parse_tokenizer(json.dump()).status(), StatusCode::kUnsupported,
                           "single");
  json["post_processor"]["single"] = {a, piece("SpecialToken", "three", 0)};
  expect_text_load_failure(parse_tokenizer(json.dump()).status(), StatusCode::kDataLoss, "three");
  json["post_processor"] = nullptr;
  EXPECT_EQ(ids_of(*(*parse_tokenizer(json.dump()))->encode("hello", {})), (Ids{kHello}));
}

}  // namespace
}  // namespace lanewise::text
