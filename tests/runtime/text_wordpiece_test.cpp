#include <gtest/gtest.h>

#include <iterator>
#include <utility>
#include <vector>

#include "runtime/text/code_points.hpp"
#include "tests/runtime/text_tiny_vocabulary.hpp"

namespace lanewise::text {
namespace {

using Json = nlohmann::json;
using Ids = std::vector<int32_t>;
using Offsets = std::vector<std::string>;

std::shared_ptr<const Tokenizer> text_wordpiece_parse(const Json& json) {
  auto tokenizer = parse_tokenizer(json.dump());
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  return tokenizer.ok() ? *tokenizer : nullptr;
}

constexpr EncodeOptions kBare{.add_special_tokens = false, .max_length = 0};

/// Encodes without special tokens.
Encoding encode(const Tokenizer& tokenizer, std::string_view text) {
  auto encoding = tokenizer.encode(text, kBare);
  EXPECT_TRUE(encoding.ok()) << encoding.status().message();
  return encoding.ok() ? *encoding : Encoding{};
}

class TextWordPieceTest : public testing::Test {
 protected:
  Ids ids(std::string_view text) const { return ids_of(encode(*tokenizer_, text)); }
  Offsets offsets(std::string_view text) const { return offsets_of(encode(*tokenizer_, text)); }
  /// Adds a token after the vocabulary and returns its id.
  int32_t add(const char* content, const Json& flags) {
    Json json = tiny_json();
    Json token = tiny_added_token(content, kTinySize);
    token.update(flags);
    json["added_tokens"].push_back(token);
    tokenizer_ = text_wordpiece_parse(json);
    return kTinySize;
  }
  void change(const char* part, const char* key, const Json& value) {
    Json json = tiny_json();
    json[part][key] = value;
    tokenizer_ = text_wordpiece_parse(json);
  }

  std::shared_ptr<const Tokenizer> tokenizer_ = text_wordpiece_parse(tiny_json());
};

TEST_F(TextWordPieceTest, LongestPiecesWithOffsets) {
  EXPECT_EQ(ids("Unaffable, hello!"), (Ids{kUn, kAff, kAble, kComma, kHello, kBang}));
  EXPECT_EQ(offsets("Unaffable, hello!"), (Offsets{"0-2", "2-5", "5-9", "9-10", "11-16", "16-17"}));
}

TEST_F(TextWordPieceTest, AWordThatCannotBeCoveredIsUnknownAsAWhole) {
  EXPECT_EQ(ids("unaffablex hello"), (Ids{kUnk, kHello}));
  EXPECT_EQ(offsets("unaffablex hello"), (Offsets{"0-10", "11-16"}));
}

/// The limit counts characters, not bytes.
TEST_F(TextWordPieceTest, AWordMayHaveAsManyCharactersAsTheLimitSays) {
  Json json = tiny_json();
  json["normalizer"]["strip_accents"] = false;
  json["model"]["max_input_chars_per_word"] = 5;
  json["model"]["vocab"]["\u00E9"] = kTinySize;
  json["model"]["vocab"]["##\u00E9"] = kTinySize + 1;
  tokenizer_ = text_wordpiece_parse(json);
  std::string word;
  for (int characters = 1; characters <= 7; ++characters) {
    word += "\u00E9";
    Ids expected(static_cast<size_t>(characters), kTinySize + 1);
    expected[0] = kTinySize;
    EXPECT_EQ(ids(word), characters <= 5 ? expected : Ids{kUnk}) << characters;
  }
}

TEST_F(TextWordPieceTest, NothingGivesNothing) {
  EXPECT_TRUE(ids("").empty());
  EXPECT_TRUE(ids(" \t\r\n\xC2\xA0\xE3\x80\x80").empty());
  EXPECT_TRUE(ids(std::string("\0\x01\x7F", 3)).empty());
  EXPECT_TRUE(ids("\xCC\x81").empty()) << "a lone accent";
}

TEST_F(TextWordPieceTest, ControlCharactersVanishInsideWords) {
  EXPECT_EQ(ids(std::string("he\0l\x0Blo", 7)), (Ids{kHello}));
  EXPECT_EQ(offsets(std::string("he\0l\x0Blo", 7)), (Offsets{"0-7"}));
  EXPECT_EQ(ids("he\xE2\x80\x8Bllo"), (Ids{kHello})) << "zero-width space is a format character";
}

TEST_F(TextWordPieceTest, AccentsGoWithTheirLetters) {
  EXPECT_EQ(offsets("Caf\xC3\xA9s"), (Offsets{"0-5", "5-6"}));
  EXPECT_EQ(ids("CAFE\xCC\x81s"), (Ids{kCafe, kS}));
  EXPECT_EQ(offsets("CAFE\xCC\x81s"), (Offsets{"0-4", "6-7"}));
}

TEST_F(TextWordPieceTest, IdeographsStandAlone) {
  EXPECT_EQ(ids("a中文a"), (Ids{kA, kZhong, kWen, kA}));
  EXPECT_EQ(offsets("a中文a"), (Offsets{"0-1", "1-4", "4-7", "7-8"}));
}

TEST_F(TextWordPieceTest, HangulIsDecomposedSoSyllablesOfTheVocabularyAreNotFound) {
  EXPECT_EQ(ids("한"), (Ids{kUnk}));
  change("normalizer", "strip_accents", false);
  EXPECT_EQ(ids("한한"), (Ids{kHan, kHanContinued}));
}

TEST_F(TextWordPieceTest, LowercaseLooksAtOneCodePoint) {
  EXPECT_EQ(ids("Σ Σς"), (Ids{kSigma, kUnk})) << "no final sigma from capitals";
  EXPECT_EQ(ids("İ"), (Ids{kI})) << "the dot is an accent";
  change("normalizer", "strip_accents", false);
  EXPECT_EQ(ids("İ"), (Ids{kI, kDotAboveContinued}));
  EXPECT_EQ(offsets("İ"), (Offsets{"0-2", "0-2"}));
}

TEST_F(TextWordPieceTest, LongWordsAreUnknown) {
  const std::string prefix = "a";
  EXPECT_EQ(ids(prefix + std::string(99, 'b')).size(), 100u);
  EXPECT_EQ(ids(prefix + std::string(100, 'b')), (Ids{kUnk}));
  EXPECT_EQ(offsets(prefix + std::string(100, 'b')), (Offsets{"0-101"}));
}

TEST_F(TextWordPieceTest, TheLengthOfAWordCountsCharacters) {
  change("normalizer", "strip_accents", false);
  std::string word;
  for (int i = 0; i < 100; ++i) word += "한";
  EXPECT_EQ(ids(word).size(), 100u);
  EXPECT_EQ(ids(word + "한"), (Ids{kUnk}));
}

TEST(TextCodePointsTest, IdeographsEndWhereHuggingFaceHasThemEnd) {
  // Observed with BertNormalizer of tokenizers 0.23.
  constexpr std::pair<char32_t, char32_t> kRanges[] = {
      {0x3400, 0x4DBF},   {0x4E00, 0x9FFF},   {0xF900, 0xFAFF},   {0x20000, 0x2A6DF},
      {0x2A700, 0x2B81F}, {0x2B920, 0x2CEAF}, {0x2F800, 0x2FA1F},
  };
  std::vector<std::pair<char32_t, char32_t>> found;
  for (char32_t c = 0; c < 0x110000; ++c) {
    if (!is_ideograph(c)) continue;
    if (found.empty() || found.back().second + 1 != c) found.push_back({c, c});
    found.back().second = c;
  }
  EXPECT_EQ(found, (std::vector(std::begin(kRanges), std::end(kRanges))));
}

TEST_F(TextWordPieceTest, SpecialTokensInsideTheText) {
  EXPECT_EQ(ids("hello[MASK]world [mask]"), (Ids{kHello, kMask, kWorld, kUnk, kUnk, kUnk}));
  EXPECT_EQ(offsets("hello[MASK]world"), (Offsets{"0-5", "5-11", "11-16"}));
}

TEST_F(TextWordPieceTest, AddedTokensTakeSpacesAndRespectWords) {
  const int32_t token = add("<x>", {{"lstrip", true}, {"rstrip", true}});
  EXPECT_EQ(ids("hello \t<x>  world"), (Ids{kHello, token, kWorld}));
  EXPECT_EQ(offsets("hello \t<x>  world"), (Offsets{"0-5", "5-12", "12-17"}));
  add("own", {{"single_word", true}});
  EXPECT_EQ(ids("own brown own."), (Ids{token, kUnk, token, kDot}));
}

/// Added tokens that all begin with the same byte are matched by other code.
TEST_F(TextWordPieceTest, AddedTokensMayBeginAlikeOrNot) {
  Json json = tiny_json();
  json["added_tokens"] = {tiny_added_token("<x>", kTinySize), tiny_added_token("[CLS]", kCls),
                          tiny_added_token("[SEP]", kSep)};
  tokenizer_ = text_wordpiece_parse(json);
  EXPECT_EQ(ids("hello[SEP]<x>[CLS]hello"), (Ids{kHello, kSep, kTinySize, kCls, kHello}));
  json["added_tokens"].erase(0);
  tokenizer_ = text_wordpiece_parse(json);
  EXPECT_EQ(ids("hello[SEP][CLS]hello"), (Ids{kHello, kSep, kCls, kHello}));
}

TEST_F(TextWordPieceTest, NormalizedAddedTokensMatchTheirNormalForm) {
  const int32_t token = add("Ä B", {{"normalized", true}, {"special", false}});
  EXPECT_EQ(ids("hello a bun"), (Ids{kHello, token, kUn}));
  EXPECT_EQ(offsets("hello Ä bun"), (Offsets{"0-5", "6-10", "10-12"}));
}

TEST_F(TextWordPieceTest, TheLongestOfOverlappingAddedTokensWins) {
  const int32_t token = add("[MASK]]", Json::object());
  EXPECT_EQ(ids("[MASK]][MASK]"), (Ids{token, kMask}));
}

TEST_F(TextWordPieceTest, TruncatesOnTheRightCountingSpecialTokens) {
  const auto cut = tokenizer_->encode("hello world hello", {true, 4});
  ASSERT_TRUE(cut.ok());
  EXPECT_EQ(ids_of(*cut), (Ids{kCls, kHello, kWorld, kSep}));
  EXPECT_EQ(offsets_of(*cut), (Offsets{"0-0", "0-5", "6-11", "0-0"}));
  EXPECT_TRUE(cut->truncated);
  const auto whole = tokenizer_->encode("hello world", {true, 4});
  ASSERT_TRUE(whole.ok());
  EXPECT_FALSE(whole->truncated);
  EXPECT_EQ(ids_of(*tokenizer_->encode("hello", {true, 2})), (Ids{kCls, kSep}));
}

TEST_F(TextWordPieceTest, RejectsLengthsWithoutRoom) {
  for (const int64_t length : {int64_t{-1}, int64_t{1}, std::numeric_limits<int64_t>::min()}) {
    EXPECT_EQ(tokenizer_->encode("a", {true, length}).status().code(),
              StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(tokenizer_->encode("a", {false, -1}).status().code(), StatusCode::kInvalidArgument);
}

TEST_F(TextWordPieceTest, PairsAreCutLongestFirst) {
  struct Case {
    const char* first;
    const char* second;
    int64_t max_length;
    Ids ids;
    Ids types;
  };
  const Case cases[] = {
      {"a a", "i", 0, {kCls, kA, kA, kSep, kI, kSep}, {0, 0, 0, 0, 1, 1}},
      {"a a a a", "i", 6, {kCls, kA, kA, kSep, kI, kSep}, {0, 0, 0, 0, 1, 1}},
      {"a a a a", "i i i", 6, {kCls, kA, kA, kSep, kI, kSep}, {0, 0, 0, 0, 1, 1}},
      {"a a a", "i i i", 6, {kCls, kA, kSep, kI, kI, kSep}, {0, 0, 0, 1, 1, 1}},
      {"a a a a a a a", "i i i i i i", 6, {kCls, kA, kA, kSep, kI, kSep}, {0, 0, 0, 0, 1, 1}},
      {"", "", 3, {kCls, kSep, kSep}, {0, 0, 1}},
  };
  for (const Case& c : cases) {
    std::vector<int32_t> types = {7};
    const auto encoding = tokenizer_->encode_pair(c.first, c.second, {true, c.max_length}, &types);
    ASSERT_TRUE(encoding.ok()) << encoding.status().message();
    EXPECT_EQ(ids_of(*encoding), c.ids) << c.first << " | " << c.second;
    EXPECT_EQ(types, c.types);
  }
  EXPECT_TRUE(tokenizer_->encode_pair("a", "i", {}, nullptr).ok());
}

TEST_F(TextWordPieceTest, NamesTheByteThatIsNotUtf8) {
  const auto encoding = tokenizer_->encode("hello\xFF", {});
  EXPECT_EQ(encoding.status().code(), StatusCode::kInvalidArgument);
  EXPECT_NE(encoding.status().message().find("byte 5"), std::string::npos);
}

TEST_F(TextWordPieceTest, DecodesWithCleanUp) {
  const Ids ids = {kCls, kUn, kAff, kAble, kComma, kHello, kBang, kDon, kQuote, kT, kSep};
  EXPECT_EQ(*tokenizer_->decode(ids, true), "unaffable, hello! don ' t");
  EXPECT_EQ(*tokenizer_->decode(ids, false), "[CLS] unaffable, hello! don ' t [SEP]");
  EXPECT_EQ(*tokenizer_->decode(Ids{kAff, 999}, false), "##aff") << "no token has id 999";
  EXPECT_EQ(tokenizer_->decode(Ids{-1}, false).status().code(), StatusCode::kInvalidArgument);
}

TEST_F(TextWordPieceTest, LooksUpTokensBothWays) {
  EXPECT_EQ(tokenizer_->vocabulary_size(), kTinySize);
  EXPECT_EQ(tokenizer_->token(kHello), "hello");
  EXPECT_EQ(tokenizer_->token(-1), "");
  EXPECT_EQ(tokenizer_->token(kTinySize), "");
  EXPECT_EQ(tokenizer_->id("##able"), kAble);
  EXPECT_EQ(tokenizer_->id("[MASK]"), kMask);
  EXPECT_EQ(tokenizer_->id("##ab"), std::nullopt);
  EXPECT_EQ(tokenizer_->id(""), std::nullopt);
}

TEST_F(TextWordPieceTest, LongTextsTakeLinearTime) {
  // Each of these is quadratic in an implementation with unbounded look-ahead.
  const size_t size = 4 << 20;
  std::string marks = "a";
  while (marks.size() < size) marks += "\xCC\x81\xCC\x96";
  EXPECT_EQ(ids(std::string(size, 'a')), (Ids{kUnk}));
  EXPECT_EQ(ids(marks), (Ids{kA}));
  EXPECT_EQ(ids(std::string(size, '[')).size(), size);
  EXPECT_TRUE(ids(std::string(size, ' ')).empty());
  const auto cut = tokenizer_->encode(std::string(size, '!'), {true, 8});
  EXPECT_EQ(cut->tokens.size(), 8u);
}

TEST_F(TextWordPieceTest, ATokenOfSpacesThatTakesSpaces) {
  const size_t size = 1 << 20;
  int32_t token = add(" ", {{"lstrip", true}, {"rstrip", true}});
  EXPECT_EQ(ids(std::string(size, ' ') + "hello "), (Ids{token, kHello, token}));
  // Without lstrip Hugging Face finds it at every space again. Still linear.
  token = add(" ", {{"rstrip", true}});
  EXPECT_EQ(ids(std::string(size, ' ')), Ids(size, token));
  EXPECT_EQ(offsets("   "), (Offsets{"0-3", "1-3", "2-3"}));
}

TEST_F(TextWordPieceTest, ItsJsonGivesAnEqualTokenizer) {
  Json json = tiny_json();
  json["normalizer"]["lowercase"] = false;
  json["decoder"] = nullptr;
  json["added_tokens"].push_back(tiny_added_token("<x>", kTinySize + 5));
  const auto first = text_wordpiece_parse(json);
  const auto second = text_wordpiece_parse(Json::parse(first->to_json()));
  EXPECT_EQ(first->to_json(), second->to_json());
  for (const char* text : {"Hello <x> unaffable[MASK]!", "中文 CAFÉ"}) {
    EXPECT_EQ(ids_of(*first->encode(text, {})), ids_of(*second->encode(text, {})));
  }
  EXPECT_EQ(*second->decode(Ids{kUn, kAff}, true), "un ##aff");
  EXPECT_EQ(second->vocabulary_size(), kTinySize + 6);
}

}  // namespace
}  // namespace lanewise::text
