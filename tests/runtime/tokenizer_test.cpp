#include "lanewise/tokenizer.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/runtime/attention_model.hpp"
#include "tests/runtime/text_tiny_vocabulary.hpp"

namespace lanewise {
namespace {

using attention::test::Parts;
using attention::test::small_graph;
using attention::test::small_model;
using Ids = std::vector<int32_t>;
using Json = nlohmann::json;

Tokenizer tiny_tokenizer() {
  Result<Tokenizer> made = Tokenizer::from_json(text::tiny_json().dump());
  EXPECT_TRUE(made.ok()) << made.status().message();
  return std::move(made).value();
}

TEST(Tokenizer, EncodesIdsAndOffsets) {
  const auto encoding = tiny_tokenizer().encode("Hello, unable");
  ASSERT_TRUE(encoding.ok()) << encoding.status().message();
  EXPECT_EQ(encoding->ids,
            (Ids{text::kCls, text::kHello, text::kComma, text::kUn, text::kAble, text::kSep}));
  EXPECT_EQ(encoding->offsets,
            (std::vector<ByteRange>{{0, 0}, {0, 5}, {5, 6}, {7, 9}, {9, 13}, {0, 0}}));
  EXPECT_TRUE(encoding->type_ids.empty());
  EXPECT_FALSE(encoding->truncated);
}

TEST(Tokenizer, KeepsToTheLengthAndLeavesSpecialTokensOut) {
  const auto cut = tiny_tokenizer().encode("hello world .", {.max_length = 4});
  ASSERT_TRUE(cut.ok());
  EXPECT_EQ(cut->ids, (Ids{text::kCls, text::kHello, text::kWorld, text::kSep}));
  EXPECT_TRUE(cut->truncated);
  const auto bare = tiny_tokenizer().encode("hello world .", {.add_special_tokens = false});
  ASSERT_TRUE(bare.ok());
  EXPECT_EQ(bare->ids, (Ids{text::kHello, text::kWorld, text::kDot}));
}

TEST(Tokenizer, EncodesPairs) {
  const auto pair = tiny_tokenizer().encode_pair("hello", "world .");
  ASSERT_TRUE(pair.ok()) << pair.status().message();
  EXPECT_EQ(pair->ids,
            (Ids{text::kCls, text::kHello, text::kSep, text::kWorld, text::kDot, text::kSep}));
  EXPECT_EQ(pair->type_ids, (Ids{0, 0, 0, 1, 1, 1}));
  EXPECT_EQ(pair->offsets,
            (std::vector<ByteRange>{{0, 0}, {0, 5}, {0, 0}, {0, 5}, {6, 7}, {0, 0}}));
}

TEST(Tokenizer, DecodesAndKnowsItsTokens) {
  const Tokenizer tokenizer = tiny_tokenizer();
  const Ids ids = {text::kCls, text::kHello, text::kUn, text::kAble, text::kSep};
  EXPECT_EQ(*tokenizer.decode(ids), "hello unable");
  EXPECT_EQ(*tokenizer.decode(ids, false), "[CLS] hello unable [SEP]");
  EXPECT_EQ(tokenizer.vocabulary_size(), text::kTinySize);
  EXPECT_EQ(tokenizer.token(text::kAble), "##able");
  EXPECT_EQ(tokenizer.token(text::kTinySize), "");
  EXPECT_EQ(tokenizer.token(-1), "");
  EXPECT_EQ(*tokenizer.id("hello"), std::optional<int32_t>(text::kHello));
  EXPECT_EQ(*tokenizer.id("nothing"), std::nullopt);
}

TEST(Tokenizer, RefusesWhatItCannotRead) {
  const Tokenizer tokenizer = tiny_tokenizer();
  const auto not_utf8 = tokenizer.encode("ab\xff");
  EXPECT_EQ(not_utf8.status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(not_utf8.status().message(), check_utf8("ab\xff").message());
  EXPECT_NE(not_utf8.status().message().find('2'), std::string::npos);
  EXPECT_TRUE(check_utf8("한").ok());
  EXPECT_EQ(tokenizer.encode("a", {.max_length = 1}).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(tokenizer.encode_pair("a", "\xff").status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(tokenizer.decode(Ids{-1}).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Tokenizer::from_json("{").status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(tokenizer.for_language("fr").status().code(), StatusCode::kInvalidArgument);
}

TEST(Tokenizer, GoesIntoJsonAndBack) {
  const auto json = tiny_tokenizer().to_json();
  ASSERT_TRUE(json.ok());
  const auto again = Tokenizer::from_json(*json);
  ASSERT_TRUE(again.ok()) << again.status().message();
  EXPECT_EQ(again->encode("unaffable")->ids, tiny_tokenizer().encode("unaffable")->ids);
}

TEST(Tokenizer, OutlivesTheModelThatItIsOf) {
  std::optional<Tokenizer> tokenizer, target;
  {
    const Model model = small_model(Parts::kBoth);
    Result<Tokenizer> of = Tokenizer::of(model), of_target = Tokenizer::of_target(model);
    ASSERT_TRUE(of.ok() && of_target.ok());
    tokenizer = std::move(of).value();
    target = std::move(of_target).value();
  }
  EXPECT_EQ(tokenizer->encode("hello")->ids, (Ids{text::kCls, text::kHello, text::kSep}));
  EXPECT_EQ(*target->decode(Ids{text::kWorld}), "world");
}

TEST(Tokenizer, IsNotFoundInAModelWithoutOne) {
  const Model model = small_model(Parts::kEncoder, small_graph(Parts::kEncoder), false);
  EXPECT_EQ(Tokenizer::of(model).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(Tokenizer::of_target(model).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(Tokenizer::of(model).status().message(), "the model has no tokenizer");
}

/// Words and two languages, with `en_XX text </s>` around texts.
Tokenizer multilingual() {
  Json vocabulary, added = Json::array(), specials;
  for (const char* word : {"<unk>", "</s>", "en_XX", "fr_XX", "river"}) {
    const size_t id = vocabulary.size();
    vocabulary[word] = id;
  }
  for (const char* token : {"</s>", "en_XX", "fr_XX"}) {
    const int id = vocabulary[token];
    added.push_back(text::tiny_added_token(token, id));
    specials[token] = {{"id", token}, {"ids", {id}}, {"tokens", {token}}};
  }
  const auto special = [](const char* id, int type) {
    return Json{{"SpecialToken", {{"id", id}, {"type_id", type}}}};
  };
  const auto sequence = [](const char* id, int type) {
    return Json{{"Sequence", {{"id", id}, {"type_id", type}}}};
  };
  const Json single = {special("en_XX", 0), sequence("A", 0), special("</s>", 0)};
  const Json pair = {special("en_XX", 0), sequence("A", 0), sequence("B", 1), special("</s>", 1)};
  const Json json = {
      {"added_tokens", added},
      {"pre_tokenizer", {{"type", "WhitespaceSplit"}}},
      {"post_processor",
       {{"type", "TemplateProcessing"},
        {"single", single},
        {"pair", pair},
        {"special_tokens", specials}}},
      {"model", {{"type", "WordLevel"}, {"vocab", vocabulary}, {"unk_token", "<unk>"}}}};
  Result<Tokenizer> made = Tokenizer::from_json(json.dump());
  EXPECT_TRUE(made.ok()) << made.status().message();
  return std::move(made).value();
}

TEST(Tokenizer, PutsAnotherLanguageAroundTexts) {
  const Tokenizer own = multilingual();
  const auto french = own.for_language("fr");
  ASSERT_TRUE(french.ok()) << french.status().message();
  EXPECT_EQ(french->encode("en_XX river")->ids, (Ids{3, 2, 4, 1}));
  EXPECT_EQ(french->encode_pair("river", "en_XX")->ids, (Ids{3, 4, 2, 1}));
  EXPECT_EQ(french->encode("river", {.max_length = 2})->ids, (Ids{3, 1}));
  EXPECT_EQ(french->encode("river", {.add_special_tokens = false})->ids, (Ids{4}));
  EXPECT_EQ(own.encode("river")->ids, (Ids{2, 4, 1}));
  const auto back = french->for_language("en_XX");
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back->encode("river")->ids, (Ids{2, 4, 1}));
  EXPECT_EQ(own.for_language("xx").status().message(),
            "unknown language 'xx'; known: en_XX, fr_XX");
}

TEST(TextStreamOfATokenizer, GivesTheTextOfAllTokens) {
  std::optional<TextStream> stream;
  {
    const Tokenizer tokenizer = tiny_tokenizer();
    Result<TextStream> made = TextStream::create(tokenizer);
    ASSERT_TRUE(made.ok());
    stream = std::move(made).value();
  }
  std::string text;
  for (const int32_t id : {text::kHello, text::kUn, text::kAble, text::kSep, text::kWorld}) {
    const auto piece = stream->add(id);
    ASSERT_TRUE(piece.ok());
    text += *piece;
  }
  EXPECT_EQ(stream->add(-1).status().code(), StatusCode::kInvalidArgument);
  const auto rest = stream->finish();
  ASSERT_TRUE(rest.ok());
  EXPECT_EQ(text.append(*rest), "hello unable world");
}

TEST(TextStreamOfATokenizer, ContinuesAText) {
  const Tokenizer tokenizer = tiny_tokenizer();
  const Ids before = {text::kCls, text::kHello, text::kUn};
  const Ids ids = {text::kAble, text::kWorld, text::kSep};
  const auto added = tokenizer.decode_after(before, ids);
  ASSERT_TRUE(added.ok()) << added.status().message();
  EXPECT_EQ(*added, "able world");
  EXPECT_EQ(*tokenizer.decode_after(std::span(before).first(2), {{text::kWorld}}), " world");
  EXPECT_EQ(*tokenizer.decode_after({}, ids), *tokenizer.decode(ids));
  EXPECT_EQ(*tokenizer.decode_after(before, {}), "");
  EXPECT_EQ(tokenizer.decode_after({{-1}}, ids).status().code(), StatusCode::kInvalidArgument);

  Result<TextStream> stream = TextStream::create(tokenizer, before);
  ASSERT_TRUE(stream.ok());
  std::string text;
  for (const int32_t id : ids) text += *stream->add(id);
  EXPECT_EQ(text.append(*stream->finish()), *added);
  EXPECT_EQ(TextStream::create(tokenizer, {{-1}}).status().code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace lanewise
