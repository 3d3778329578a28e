#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "runtime/text/tokenizer.hpp"

namespace lanewise::text {
namespace {

using TokenizerPtr = std::shared_ptr<const Tokenizer>;
using Ids = std::vector<int32_t>;

constexpr const char* kWhitespaceSplit = R"({"type": "WhitespaceSplit"})";
constexpr const char* kCharacters =
    R"({"type": "Split", "pattern": {"Regex": "[\\s\\S]"}, "behavior": "Isolated",
        "invert": false})";

/// A tokenizer.json with these parts.
struct File {
  std::string normalizer = "null";
  std::string pre_tokenizer = kWhitespaceSplit;
  std::string post_processor = "null";
  std::string decoder = "null";
  std::string vocab = R"({"<unk>": 0, "<s>": 1, "the": 2, "cat": 3, "a": 4, "b": 5, ".": 6})";
  std::string unk_token = "\"<unk>\"";
  std::string added_tokens = "[]";

  std::string json() const {
    return R"({"version": "1.0", "truncation": null, "padding": null, "added_tokens": )" +
           added_tokens + R"(, "normalizer": )" + normalizer + R"(, "pre_tokenizer": )" +
           pre_tokenizer + R"(, "post_processor": )" + post_processor + R"(, "decoder": )" +
           decoder + R"(, "model": {"type": "WordLevel", "vocab": )" + vocab +
           R"(, "unk_token": )" + unk_token + "}}";
  }
};

TokenizerPtr parsed(const File& file) {
  Result<TokenizerPtr> tokenizer = parse_tokenizer(file.json());
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  return *tokenizer;
}

/// `id[begin,end)` of each token.
std::string encoded(const Tokenizer& tokenizer, std::string_view text, EncodeOptions options = {}) {
  const Result<Encoding> encoding = tokenizer.encode(text, options);
  if (!encoding.ok()) return encoding.status().message();
  std::string list;
  for (const Token& token : encoding->tokens) {
    list += std::to_string(token.id) + "[" + std::to_string(token.begin) + "," +
            std::to_string(token.end) + ")";
  }
  return list;
}

TEST(WordLevel, SplitsAtWhiteSpace) {
  const TokenizerPtr tokenizer = parsed({});
  EXPECT_EQ(encoded(*tokenizer,
                    " the\t cat.\xE2\x80\x83"
                    "a "),
            "2[1,4)0[6,10)4[13,14)");
  EXPECT_EQ(encoded(*tokenizer, ""), "");
  EXPECT_EQ(encoded(*tokenizer, "\xFF"), "text is not UTF-8 at byte 0");
}

TEST(WordLevel, SplitsIntoWordsAndOthers) {
  File file;
  file.pre_tokenizer = R"({"type": "Whitespace"})";
  EXPECT_EQ(encoded(*parsed(file), "the cat. a.."), "2[0,3)3[4,7)6[7,8)4[9,10)0[10,12)");
}

TEST(WordLevel, SplitsIntoCharactersAsHuggingFaceDoes) {
  File file;
  for (const char* pattern :
       {R"({"String": ""})", R"({"Regex": ""})", R"({"Regex": "[\\s\\S]"})"}) {
    file.pre_tokenizer = std::string(R"({"type": "Split", "pattern": )") + pattern +
                         R"(, "behavior": "Isolated", "invert": false})";
    EXPECT_EQ(encoded(*parsed(file), "ab\n\nb \xC3\xA9"),
              "4[0,1)5[1,2)0[2,3)0[3,4)5[4,5)0[5,6)0[6,8)");
  }
  file.pre_tokenizer = R"({"type": "Split", "pattern": {"Regex": "."}, "behavior": "Isolated"})";
  EXPECT_EQ(encoded(*parsed(file), "ab\n\nb"), "4[0,1)5[1,2)0[2,4)5[4,5)");
  file.pre_tokenizer = "null";
  EXPECT_EQ(encoded(*parsed(file), "the cat"), "0[0,7)");
}

TEST(WordLevel, LowercasesWithOffsetsOfTheOriginal) {
  File file;
  file.pre_tokenizer = kCharacters;
  file.normalizer = R"({"type": "Lowercase"})";
  EXPECT_EQ(encoded(*parsed(file),
                    "\xC4\xB0"
                    "Ab"),
            "0[0,2)0[0,2)4[2,3)5[3,4)");
}

TEST(WordLevel, NamesUnknownTokensWhereNoneStandsForThem) {
  File file;
  for (const char* none : {"null", "\"\"", "\"[UNK]\""}) {
    file.unk_token = none;
    const TokenizerPtr tokenizer = parsed(file);
    EXPECT_EQ(encoded(*tokenizer, "the dog"), "token 'dog' at byte 4 is not in the vocabulary");
    EXPECT_EQ(encoded(*tokenizer, "the dog", {.max_length = 0}),
              "token 'dog' at byte 4 is not in the vocabulary");
  }
  const auto pair = parsed(file)->encode_pair("the the", "the dog", {.max_length = 2}, nullptr);
  EXPECT_FALSE(pair.ok()) << "wherever it stands in a pair";
  const std::string much = encoded(*parsed(file), std::string(100, 'x'));
  EXPECT_EQ(much, "token '" + std::string(40, 'x') + "...' at byte 0 is not in the vocabulary");
}

TEST(WordLevel, FindsAddedTokensAndSkipsSpecialOnes) {
  File file;
  file.pre_tokenizer = kCharacters;
  file.added_tokens = R"([{"id": 1, "content": "<s>", "special": true, "normalized": false}])";
  const TokenizerPtr tokenizer = parsed(file);
  EXPECT_EQ(encoded(*tokenizer, "a<s>b"), "4[0,1)1[1,4)5[4,5)");
  EXPECT_EQ(*tokenizer->decode(Ids{1, 4, 99, 5}, true), "a b");
  EXPECT_EQ(*tokenizer->decode(Ids{1, 4, 5}, false), "<s> a b");
  EXPECT_FALSE(tokenizer->decode(Ids{-1}, false).ok());
  file.decoder = R"({"type": "Fuse"})";
  EXPECT_EQ(*parsed(file)->decode(Ids{1, 4, 5}, true), "ab");
}

TEST(WordLevel, PutsSpecialTokensAroundATextAndCutsIt) {
  File file;
  file.post_processor = R"({"type": "TemplateProcessing",
      "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
      "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
      "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}})";
  const TokenizerPtr tokenizer = parsed(file);
  EXPECT_EQ(encoded(*tokenizer, "the cat"), "1[0,0)2[0,3)3[4,7)");
  EXPECT_EQ(encoded(*tokenizer, "the cat", {.max_length = 2}), "1[0,0)2[0,3)");
  EXPECT_TRUE(tokenizer->encode("the cat", {.max_length = 2})->truncated);
  Ids types;
  const auto pair = tokenizer->encode_pair("the cat a", "b", {.max_length = 3}, &types);
  ASSERT_TRUE(pair.ok());
  EXPECT_EQ(types, (Ids{0, 0, 1}));
  EXPECT_TRUE(pair->truncated);
}

TEST(WordLevel, ComesBackFromItsOwnJson) {
  for (const char* pre_tokenizer :
       {kWhitespaceSplit, kCharacters, "null", R"({"type": "Whitespace"})"}) {
    File file;
    file.pre_tokenizer = pre_tokenizer;
    file.normalizer = R"({"type": "Lowercase"})";
    file.decoder = R"({"type": "Fuse"})";
    file.added_tokens = R"([{"id": 1, "content": "<s>", "special": true, "normalized": false}])";
    const TokenizerPtr tokenizer = parsed(file);
    const Result<TokenizerPtr> again = parse_tokenizer(tokenizer->to_json());
    ASSERT_TRUE(again.ok()) << again.status().message();
    EXPECT_EQ((*again)->to_json(), tokenizer->to_json());
    EXPECT_EQ(encoded(**again, "The <s>\nA"), encoded(*tokenizer, "The <s>\nA"));
    EXPECT_EQ(tokenizer->vocabulary_size(), 7);
    EXPECT_EQ(tokenizer->token(3), "cat");
    EXPECT_EQ(tokenizer->id("cat"), 3);
    EXPECT_FALSE(tokenizer->id("dog").has_value());
  }
}

TEST(WordLevel, RefusesWhatItDoesNotKnow) {
  const auto refused = [](File file, const std::string& message) {
    const Result<TokenizerPtr> tokenizer = parse_tokenizer(file.json());
    ASSERT_FALSE(tokenizer.ok()) << message;
    EXPECT_NE(tokenizer.status().message().find(message), std::string::npos)
        << tokenizer.status().message();
  };
  refused({.normalizer = R"({"type": "Novel"})"}, "normalizer 'Novel' is not supported");
  refused({.pre_tokenizer = R"({"type": "Novel"})"}, "pre_tokenizer 'Novel' is not supported");
  refused({.decoder = R"({"type": "Novel"})"}, "decoder 'Novel' is not supported");
  refused({.post_processor = R"({"type": "RobertaProcessing"})"}, "post_processor.cls");
  refused({.post_processor = R"({"type": "ByPost"})"}, "'ByPost'");
  refused({.vocab = R"({"a": 2147483647})"}, "is not between 0 and 4194303");
  refused({.vocab = R"(["a"])"}, "model.vocab: expected an object");
  refused({.added_tokens = R"([{"id": 9, "content": "cat"}])"}, "the vocabulary gives it 3");
}

}  // namespace
}  // namespace lanewise::text
