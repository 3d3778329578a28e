#include <gtest/gtest.h>

#include "runtime/text/charsmap.hpp"
#include "runtime/text/regex.hpp"
#include "runtime/text/regex_syntax.hpp"
#include "tests/runtime/text_tiny_vocabulary.hpp"

namespace lanewise::text {
namespace {

using Json = nlohmann::json;
using Ids = std::vector<int32_t>;

/// A BPE of a few letters: "ab", "abab" and a space as U+0120.
Json tiny_bpe() {
  return {{"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}}},
          {"decoder", {{"type", "ByteLevel"}}},
          {"model",
           {{"type", "BPE"},
            {"vocab", {{"a", 0}, {"b", 1}, {"ab", 2}, {"abab", 3}, {"\u0120", 4}, {"\u0120ab", 5}}},
            {"merges", {"a b", "ab ab", "\u0120 ab"}}}}};
}

Ids encode(const Json& json, std::string_view text) {
  const auto tokenizer = parse_tokenizer(json.dump());
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  if (!tokenizer.ok()) return {};
  const auto encoding = (*tokenizer)->encode(text, {});
  EXPECT_TRUE(encoding.ok()) << encoding.status().message();
  return encoding.ok() ? ids_of(*encoding) : Ids{};
}

void expect_text_subword_failure(const Json& json, StatusCode code, const std::string& part) {
  const Status status = parse_tokenizer(json.dump()).status();
  EXPECT_EQ(status.code(), code) << status.message();
  EXPECT_NE(status.message().find(part), std::string::npos) << status.message();
}

TEST(TextBpeTest, MergesTheFirstRuleFirstAndTheLeftmostOfEquals) {
  EXPECT_EQ(encode(tiny_bpe(), "ababab"), (Ids{3, 2}));
  EXPECT_EQ(encode(tiny_bpe(), "aba ab"), (Ids{2, 0, 5}));
  EXPECT_EQ(encode(tiny_bpe(), "xaxb"), (Ids{2})) << "without an unknown token they vanish";
}

TEST(TextDecoderTest, CleansUpAcrossTokens) {
  Json json = tiny_bpe();
  json["decoder"] = {{"type", "Sequence"}, {"decoders", {json["decoder"], {{"type", "CleanUp"}}}}};
  Json& vocabulary = json["model"]["vocab"];
  for (const char* token : {".", "'", "s", "n", "t"}) vocabulary[token] = vocabulary.size();
  const auto tokenizer = parse_tokenizer(json.dump());
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  const auto decode = [&](const Ids& ids) { return *(*tokenizer)->decode(ids, true); };
  EXPECT_EQ(decode({0, 4, 6, 4, 6}), "a..");
  EXPECT_EQ(decode({0, 4, 7, 8}), "a's");
  EXPECT_EQ(decode({0, 4, 9, 7, 10}), "an't");
  EXPECT_EQ(decode({0, 4, 7, 4, 1}), "a'b");
  EXPECT_EQ(decode({0, 4, 4, 1}), "a  b");
}

TEST(TextBpeTest, UnknownCharacters) {
  Json json = tiny_bpe();
  json["model"]["vocab"]["?"] = 6;
  json["model"]["unk_token"] = "?";
  EXPECT_EQ(encode(json, "axxb"), (Ids{0, 6, 6, 1}));
  json["model"]["fuse_unk"] = true;
  EXPECT_EQ(encode(json, "axxb"), (Ids{0, 6, 1}));
  json["model"]["byte_fallback"] = true;
  json["model"]["vocab"]["<0x78>"] = 7;
  EXPECT_EQ(encode(json, "axyb"), (Ids{0, 7, 6, 1}));
}

TEST(TextBpeTest, AnUnknownTokenThatTheVocabularyLacksIsMissedOnlyWhereItIsNeeded) {
  Json json = tiny_bpe();
  json["model"]["unk_token"] = "<unk>";
  EXPECT_EQ(encode(json, "abb"), (Ids{2, 1}));
  const auto tokenizer = parse_tokenizer(json.dump());
  ASSERT_TRUE(tokenizer.ok());
  const Status status = (*tokenizer)->encode("axb", {}).status();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("'x'"), std::string::npos) << status.message();
  EXPECT_NE(status.message().find("'<unk>'"), std::string::npos) << status.message();
  json["model"]["byte_fallback"] = true;
  json["model"]["vocab"]["<0x78>"] = 6;
  EXPECT_EQ(encode(json, "axb"), (Ids{0, 6, 1}));
}

TEST(TextBpeTest, WordsThatAreTokensAndSuffixes) {
  Json json = tiny_bpe();
  json["model"]["vocab"]["ba"] = 6;
  EXPECT_EQ(encode(json, "ba"), (Ids{1, 0}));
  json["model"]["ignore_merges"] = true;
  EXPECT_EQ(encode(json, "ba"), (Ids{6}));
  json = tiny_bpe();
  json["model"]["vocab"]["b</w>"] = 6;
  json["model"]["end_of_word_suffix"] = "</w>";
  EXPECT_EQ(encode(json, "abb"), (Ids{2, 6}));
  json = tiny_bpe();
  json["model"]["vocab"]["@b"] = 6;
  json["model"]["merges"] = Json::parse(R"([["a", "@b"]])");
  json["model"]["continuing_subword_prefix"] = "@";
  EXPECT_EQ(encode(json, "ab"), (Ids{2}));
}

TEST(TextBpeTest, AWordOfAMegabyteIsNoTrouble) {
  std::string text;
  for (int i = 0; i < 1 << 19; ++i) text += "ab";
  EXPECT_EQ(encode(tiny_bpe(), text).size(), size_t{1} << 18);
}

TEST(TextUnigramTest, TakesTheLikeliestWay) {
  Json json = Json::parse(R"({"model": {"type": "Unigram", "unk_id": 0, "vocab":
      [["?", 0], ["a", -1], ["b", -1], ["ab", -2.5], ["aab", -2]]}})");
  EXPECT_EQ(encode(json, "abaab"), (Ids{1, 2, 4}));
  EXPECT_EQ(encode(json, "axyb"), (Ids{1, 0, 2})) << "a run of unknown characters is one token";
  EXPECT_EQ(encode(json, std::string(1 << 20, 'a')).size(), size_t{1} << 20);
  json["model"]["unk_id"] = nullptr;
  const auto tokenizer = parse_tokenizer(json.dump());
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  EXPECT_EQ((*tokenizer)->encode("axb", {}).status().code(), StatusCode::kInvalidArgument);
}

TEST(TextUnigramTest, AnUnknownCharacterCostsMoreThanTheLeastLikelyToken) {
  const Json json = Json::parse(R"({"model": {"type": "Unigram", "unk_id": 0, "vocab":
      [["?", 0], ["a", 9], ["ax", -5]]}})");
  EXPECT_EQ(encode(json, "ax"), (Ids{2})) << "9 - 5 - 10 is less than -5";
}

TEST(TextUnigramTest, OfWaysWithEqualSumsTheOneWithTheLongestLastTokenIsTaken) {
  // As tokenizers 0.23 does.
  Json json = Json::parse(R"({"model": {"type": "Unigram", "unk_id": 0, "vocab":
      [["?", 0], ["a", -1], ["b", -1], ["ab", -2], ["ba", -2], ["aba", -3], ["bb", -3]]}})");
  EXPECT_EQ(encode(json, "ab"), (Ids{3}));
  EXPECT_EQ(encode(json, "aba"), (Ids{5}));
  EXPECT_EQ(encode(json, "abab"), (Ids{3, 3}));
  EXPECT_EQ(encode(json, "baba"), (Ids{2, 5}));
  EXPECT_EQ(encode(json, "abba"), (Ids{3, 4}));
  EXPECT_EQ(encode(json, "abxba"), (Ids{3, 0, 4}));
}

TEST(TextSubwordTest, PairsAndTruncation) {
  Json json = tiny_bpe();
  json["model"]["vocab"]["<s>"] = 6;
  json["model"]["vocab"]["</s>"] = 7;
  json["post_processor"] = {
      {"type", "RobertaProcessing"}, {"cls", {"<s>", 6}}, {"sep", {"</s>", 7}}};
  const auto tokenizer = parse_tokenizer(json.dump());
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  std::vector<int32_t> types;
  const auto pair = (*tokenizer)->encode_pair("a ab", "bb", {}, &types);
  ASSERT_TRUE(pair.ok());
  EXPECT_EQ(ids_of(*pair), (Ids{6, 0, 5, 7, 7, 1, 1, 7}));
  EXPECT_EQ(types, (Ids{0, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(offsets_of(*pair),
            (std::vector<std::string>{"0-0", "0-1", "2-4", "0-0", "0-0", "0-1", "1-2", "0-0"}));
  const auto cut = (*tokenizer)->encode("abba", {.max_length = 4});
  ASSERT_TRUE(cut.ok());
  EXPECT_TRUE(cut->truncated);
  EXPECT_EQ(ids_of(*cut), (Ids{6, 2, 1, 7}));
  EXPECT_EQ((*tokenizer)->encode("\xFF", {}).status().code(), StatusCode::kInvalidArgument);
}

TEST(TextSubwordTest, PartsThatWeLackAreNamed) {
  for (const char* part : {"normalizer", "pre_tokenizer", "post_processor", "decoder"}) {
    Json json = tiny_bpe();
    json[part] = {{"type", "Novel"}};
    expect_text_subword_failure(json, StatusCode::kUnsupported, "Novel");
    json[part] = {{"type", "Sequence"}};
    expect_text_subword_failure(json, StatusCode::kDataLoss, part);
  }
  Json json = tiny_bpe();
  json["model"]["dropout"] = 0.1;
  expect_text_subword_failure(json, StatusCode::kUnsupported, "dropout");
  json = tiny_bpe();
  json["model"]["merges"].push_back("a c");
  expect_text_subword_failure(json, StatusCode::kDataLoss, "'c'");
  json = tiny_bpe();
  json["normalizer"] = {{"type", "Precompiled"}, {"precompiled_charsmap", "/////w=="}};
  expect_text_subword_failure(json, StatusCode::kDataLoss, "precompiled_charsmap");
}

TEST(TextSubwordTest, BytesChangedAtRandomGiveATokenizerOrAnError) {
  Json json = tiny_bpe();
  json["normalizer"] = {
      {"type", "Sequence"},
      {"normalizers",
       {{{"type", "NFKC"}},
        {{"type", "Replace"}, {"pattern", {{"Regex", " {2,}|[^\\s\\S]"}}}, {"content", " "}}}}};
  const std::string whole = json.dump();
  uint32_t state = 1;
  const auto next = [&] { return state = state * 1664525 + 1013904223, state >> 8; };
  for (int round = 0; round < 2000; ++round) {
    std::string text = whole;
    for (int i = 0; i < 3; ++i) text[next() % text.size()] = "0[]{}\",:-a\\+(*?"[next() % 15];
    const auto tokenizer = parse_tokenizer(text);
    if (!tokenizer.ok()) continue;
    EXPECT_TRUE((*tokenizer)->encode("ab  ba ﬁ", {}).ok());
  }
}

TEST(TextRegexTest, WhatWeDoNotKnowIsNamed) {
  for (const char* pattern : {"(a)\\1", "(?<n>a)", "[[a]b]", "[a&&b]", "\\h", "\\bx", "a{2}+",
                              "(?i)a", "[a-\\s]", "[", "\\", "\\p{", "(*FAIL)", "\\p{1}", "[]a]"}) {
    EXPECT_EQ(to_pcre2_syntax(pattern).status().code(), StatusCode::kUnsupported) << pattern;
  }
  EXPECT_EQ(Regex::compile("a)").status().code(), StatusCode::kUnsupported);
  EXPECT_EQ(Regex::compile(std::string(9000, 'a')).status().code(), StatusCode::kResourceExhausted);
}

std::string found(const char* pattern, std::string_view text) {
  const auto regex = Regex::compile(pattern);
  EXPECT_TRUE(regex.ok()) << regex.status().message();
  std::vector<Match> matches;
  if (!regex.ok() || !regex->find_all(text, &matches).ok()) return "error";
  std::string result;
  for (const Match& match : matches) {
    result += match.matched ? '<' : '(';
    result += text.substr(match.begin, match.end - match.begin);
    result += match.matched ? '>' : ')';
  }
  return result;
}

TEST(TextRegexTest, Matches) {
  EXPECT_EQ(found("\\s+", "a \t\u3000b\u180E"), "(a)< \t\u3000>(b\u180E)");
  EXPECT_EQ(found("[\\S\\n]", "a\n "), "<a><\n>( )");
  EXPECT_EQ(found("[^\\S\\n]+", "a \n "), "(a)< >(\n)< >");
  EXPECT_EQ(found("\\p{L}{,2}|x", "abc1"), "<ab><c>(1)<>");
  EXPECT_EQ(found("[\\p{Nd}-]", "1-a"), "<1><->(a)");
  EXPECT_EQ(found("\\P{L}", "a1"), "(a)<1>");
  EXPECT_EQ(found("(?i:k)", "\u212A"), "<\u212A>");
  EXPECT_EQ(found("\\x{41}|\\u0042|\\t", "AB\t"), "<A><B><\t>");
}

TEST(TextRegexTest, GivesUpOnAPatternThatMultiplies) {
  const auto regex = Regex::compile("(?:a|aa)+b");
  ASSERT_TRUE(regex.ok()) << regex.status().message();
  std::vector<Match> matches;
  const Status status = regex->find_all(std::string(60, 'a') + "cb", &matches);
  EXPECT_EQ(status.code(), StatusCode::kResourceExhausted) << status.message();
}

TEST(TextCharsmapTest, AnyBytesAreATableOrAnError) {
  uint32_t state = 1;
  const auto next = [&] { return state = state * 1664525 + 1013904223, state >> 16; };
  for (int round = 0; round < 2000; ++round) {
    std::string blob(4, '\0');
    blob[0] = 64;
    for (int i = 0; i < 64; ++i) blob.push_back(static_cast<char>(next()));
    blob += std::string("abc\0\xC3\xA9", 6);
    const auto map = Charsmap::parse(blob);
    ASSERT_TRUE(map.ok()) << map.status().message();
    std::string text;
    for (int i = 0; i < 8; ++i) text.push_back(static_cast<char>(next()));
    EXPECT_LE(map->longest(text).length, text.size());
  }
}

}  // namespace
}  // namespace lanewise::text
