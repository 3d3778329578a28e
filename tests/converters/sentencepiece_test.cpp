#include "converters/tokenizers/sentencepiece_file.hpp"

#include <algorithm>
#include <memory>
#include <numeric>

#include "converters/tokenizers/families.hpp"
#include "runtime/text/base64.hpp"
#include "tests/runtime/text_subword_golden.hpp"

namespace lanewise::converters {
namespace {

using Json = nlohmann::json;
using Ids = std::vector<int32_t>;
using SentencepieceTokenizerPtr = std::shared_ptr<const text::Tokenizer>;

SentencepieceTokenizerPtr parsed_sentencepieces(const Result<std::string>& json) {
  EXPECT_TRUE(json.ok()) << json.status().message();
  if (!json.ok()) return nullptr;
  const auto tokenizer = text::parse_tokenizer(*json);
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  return tokenizer.ok() ? *tokenizer : nullptr;
}

Ids ids_of(const text::Tokenizer& tokenizer, std::string_view text) {
  return text::result_of(tokenizer, text, false).ids;
}

/// SentencePiece's ids of a text, without special tokens.
Ids plain_ids(const std::string& file, std::string_view text) {
  const SentencepieceTokenizerPtr tokenizer =
      parsed_sentencepieces(plain_tokenizer(text::read_subword_data(file)));
  return tokenizer ? ids_of(*tokenizer, text) : Ids{};
}

class SentencePieceGoldenTest : public testing::TestWithParam<const char*> {};

TEST_P(SentencePieceGoldenTest, EqualsSentencePiece) {
  const std::string name = GetParam();
  const SentencepieceTokenizerPtr tokenizer =
      parsed_sentencepieces(plain_tokenizer(text::read_subword_data(name + ".model")));
  ASSERT_TRUE(tokenizer);
  text::expect_golden(*tokenizer, "spm_" + name, false);
}

TEST_P(SentencePieceGoldenTest, ItsJsonIsAnEqualTokenizer) {
  const std::string name = GetParam();
  const SentencepieceTokenizerPtr tokenizer =
      parsed_sentencepieces(plain_tokenizer(text::read_subword_data(name + ".model")));
  ASSERT_TRUE(tokenizer);
  const auto copy = text::parse_tokenizer(tokenizer->to_json());
  ASSERT_TRUE(copy.ok()) << copy.status().message();
  EXPECT_EQ((*copy)->to_json(), tokenizer->to_json());
  text::RandomTexts random(3);
  for (int i = 0; i < 50; ++i) {
    const std::string text = random.next();
    EXPECT_EQ(ids_of(**copy, text), ids_of(*tokenizer, text));
  }
}

INSTANTIATE_TEST_SUITE_P(All, SentencePieceGoldenTest,
                         testing::Values("unigram", "bpe", "symbols", "unigram_bytes"),
                         [](const auto& suite) { return std::string(suite.param); });

/// make_sentencepiece_golden.py: small models of every type, with overlapping and tied pieces.
TEST(SentencePieceModelTest, EqualsSentencePieceForEveryTypeAndKindOfPiece) {
  const Json golden = Json::parse(text::read_subword_data("sentencepiece.json"), nullptr, false);
  ASSERT_GT(golden.size(), 50u);
  std::string long_text;
  for (int i = 0; i < 20000; ++i) long_text += "abz\xC3\xA9q";
  for (size_t i = 0; i < golden.size(); ++i) {
    SCOPED_TRACE("model " + std::to_string(i) + ", " + golden[i]["type"].get<std::string>());
    const auto file = text::decode_base64(golden[i]["model"].get<std::string>(), "model");
    ASSERT_TRUE(file.ok());
    const SentencepieceTokenizerPtr tokenizer = parsed_sentencepieces(plain_tokenizer(*file));
    ASSERT_TRUE(tokenizer);
    for (const Json& expected : golden[i]["texts"]) {
      const auto result = text::result_of(*tokenizer, expected[0].get<std::string>(), false);
      EXPECT_EQ(Json(result.ids), expected[1]) << expected[0];
      EXPECT_EQ(Json(result.decoded), expected[2]) << expected[0];
    }
    const Ids ids = ids_of(*tokenizer, long_text);
    EXPECT_EQ(ids.size(), golden[i]["long"][0].get<size_t>());
    uint64_t sum = 0;
    for (size_t k = 0; k < ids.size(); ++k) sum += k * static_cast<uint64_t>(ids[k]);
    EXPECT_EQ(sum % (uint64_t{1} << 31), golden[i]["long"][1].get<uint64_t>());
  }
}

TEST(SentencePieceFileTest, CutOffAnywhereIsNoCrash) {
  const std::string whole = text::read_subword_data("bpe.model");
  ASSERT_TRUE(read_sentencepiece_file(whole).ok());
  for (size_t size = 0; size < whole.size(); size += 13) {
    const auto file = read_sentencepiece_file(std::string_view(whole).substr(0, size));
    if (!file.ok()) continue;
    EXPECT_LT(file->pieces.size(), 1200u);
  }
  EXPECT_EQ(read_sentencepiece_file("").status().code(), StatusCode::kDataLoss);
}

TEST(SentencePieceFileTest, ChangedBytesGiveATokenizerOrAnError) {
  const std::string whole = text::read_subword_data("bpe.model");
  uint32_t state = 1;
  const auto next = [&] { return state = state * 1664525 + 1013904223, state >> 8; };
  for (int round = 0; round < 60; ++round) {
    std::string bytes = whole;
    for (int i = 0; i < 3; ++i) bytes[next() % bytes.size()] = static_cast<char>(next());
    const auto json = plain_tokenizer(bytes);
    if (!json.ok()) continue;
    const auto tokenizer = text::parse_tokenizer(*json);
    if (!tokenizer.ok()) continue;
    EXPECT_TRUE((*tokenizer)->encode("The old 시계 👍", {}).ok());
  }
}

TEST(SentencePieceFamilyTest, T5) {
  const std::string spm = text::read_subword_data("unigram.model");
  const SentencepieceTokenizerPtr tokenizer = parsed_sentencepieces(t5_tokenizer(spm, 100));
  ASSERT_TRUE(tokenizer);
  Ids expected = plain_ids("unigram.model", "The old clock");
  expected.push_back(2);
  EXPECT_EQ(ids_of(*tokenizer, "The old clock"), expected);
  EXPECT_EQ(tokenizer->vocabulary_size(), 1000);
  EXPECT_EQ(tokenizer->id("<extra_id_0>"), 999);
  EXPECT_EQ(tokenizer->id("<extra_id_99>"), 900);
}

TEST(SentencePieceFamilyTest, LlamaBeginsWithItsToken) {
  const SentencepieceTokenizerPtr tokenizer =
      parsed_sentencepieces(llama_tokenizer(text::read_subword_data("bpe.model")));
  ASSERT_TRUE(tokenizer);
  Ids expected = plain_ids("bpe.model", "The  river");
  expected.insert(expected.begin(), 1);
  EXPECT_EQ(ids_of(*tokenizer, "The  river"), expected);
  EXPECT_EQ(*tokenizer->decode(expected, true), "The  river");
}

/// Marian's vocab.json: pieces in another order, one of them missing.
Json marian_vocabulary(const std::string& missing) {
  const auto file = read_sentencepiece_file(text::read_subword_data("unigram.model"));
  Json vocabulary = {{"</s>", 0}, {"<unk>", 1}};
  int32_t id = 2;
  for (auto piece = file->pieces.rbegin(); piece != file->pieces.rend(); ++piece) {
    if (piece->kind == 1 && piece->text != missing) vocabulary[piece->text] = id++;
  }
  vocabulary[">>fra<<"] = id++;
  vocabulary["<pad>"] = id;
  return vocabulary;
}

TEST(SentencePieceFamilyTest, MarianHasTheIdsOfItsVocabulary) {
  const std::string spm = text::read_subword_data("unigram.model");
  const auto file = read_sentencepiece_file(spm);
  ASSERT_TRUE(file.ok());
  const Ids plain = plain_ids("unigram.model", "The old clock, the river");
  const std::string missing = file->pieces[static_cast<size_t>(plain.back())].text;
  const Json vocabulary = marian_vocabulary(missing);
  const SentencepieceTokenizerPtr tokenizer =
      parsed_sentencepieces(marian_tokenizer(spm, vocabulary.dump()));
  ASSERT_TRUE(tokenizer);
  Ids expected = {vocabulary[">>fra<<"].get<int32_t>()};
  for (const int32_t place : plain) {
    const std::string& piece = file->pieces[static_cast<size_t>(place)].text;
    expected.push_back(piece == missing ? 1 : vocabulary[piece].get<int32_t>());
  }
  expected.push_back(0);
  EXPECT_EQ(ids_of(*tokenizer, ">>fra<< The old clock, the river"), expected);
  expected.assign(expected.begin() + 1, expected.end() - 2);
  EXPECT_EQ(tokenizer->decode(expected, true)->substr(0, 14), "The old clock,");
}

TEST(SentencePieceFamilyTest, MarianTakesCodesAtTheStartAlone) {
  const std::string spm = text::read_subword_data("unigram.model");
  const Json vocabulary = marian_vocabulary("");
  const SentencepieceTokenizerPtr tokenizer =
      parsed_sentencepieces(marian_tokenizer(spm, vocabulary.dump()));
  ASSERT_TRUE(tokenizer);
  const auto french = vocabulary[">>fra<<"].get<int32_t>();
  const Ids plain = ids_of(*tokenizer, "The river");
  Ids unknown = plain;
  unknown.insert(unknown.begin(), 1);
  EXPECT_EQ(ids_of(*tokenizer, ">>xyz<< The river"), unknown);
  const Ids within = ids_of(*tokenizer, "The river >>fra<<");
  EXPECT_EQ(std::ranges::find(within, french), within.end());
  const SentencepieceTokenizerPtr copy = parsed_sentencepieces(tokenizer->to_json());
  ASSERT_TRUE(copy);
  EXPECT_EQ(ids_of(*copy, ">>fra<<"), (Ids{french, 0}));
  EXPECT_EQ(*tokenizer->decode(Ids{french, 0}, true), ">>fra<<") << "no special token";
}

TEST(SentencePieceFamilyTest, WhatIsNoPieceMayBeInTheVocabulary) {
  Json vocabulary = marian_vocabulary("");
  vocabulary["\u4e2d\u6587"] = 2000;
  const SentencepieceTokenizerPtr tokenizer = parsed_sentencepieces(
      marian_tokenizer(text::read_subword_data("unigram.model"), vocabulary.dump()));
  ASSERT_TRUE(tokenizer);
  const auto space = vocabulary["\u2581"].get<int32_t>();
  EXPECT_EQ(ids_of(*tokenizer, "\u4e2d\u6587"), (Ids{space, 2000, 0}));
  EXPECT_EQ(ids_of(*tokenizer, "\u4e2d"), (Ids{space, 1, 0}));
  EXPECT_EQ(ids_of(*tokenizer, "\u4e2d\u6587\u4e2d"), (Ids{space, 1, 0})) << "one run";
}

TEST(SentencePieceFamilyTest, LanguagesStandWhereTheirModelHasThem) {
  const std::string spm = text::read_subword_data("unigram.model");
  Ids pieces = plain_ids("unigram.model", "The river");
  for (int32_t& id : pieces) ++id;
  Ids nllb = {901, 2};
  nllb.insert(nllb.begin() + 1, pieces.begin(), pieces.end());
  const SentencepieceTokenizerPtr first = parsed_sentencepieces(nllb_tokenizer(spm, "ace_Arab"));
  ASSERT_TRUE(first);
  EXPECT_EQ(ids_of(*first, "The river"), nllb);
  EXPECT_EQ(first->vocabulary_size(), 900 + 1 + 202 + 1);

  Ids mbart = pieces;
  mbart.insert(mbart.end(), {2, 901 + 5});
  const SentencepieceTokenizerPtr second = parsed_sentencepieces(mbart_tokenizer(spm, "en_XX"));
  ASSERT_TRUE(second);
  mbart.back() = *second->id("en_XX");
  EXPECT_EQ(ids_of(*second, "The river"), mbart);
  EXPECT_EQ(second->id("ar_AR"), 901);
  EXPECT_EQ(mbart50_tokenizer(spm, "xx").status().code(), StatusCode::kInvalidArgument);

  Json vocabulary = {{"<s>", 0}, {"<pad>", 1}, {"</s>", 2}, {"<unk>", 3}, {"▁The", 4}};
  const SentencepieceTokenizerPtr third =
      parsed_sentencepieces(m2m100_tokenizer(spm, vocabulary.dump(), "en"));
  ASSERT_TRUE(third);
  EXPECT_EQ(third->id("__af__"), 5);
  EXPECT_EQ(ids_of(*third, "The").front(), *third->id("__en__"));
  EXPECT_EQ(ids_of(*third, "The").back(), 2);
  const SentencepieceTokenizerPtr wmt21 =
      parsed_sentencepieces(m2m100_tokenizer(spm, vocabulary.dump(), "is", "wmt21"));
  ASSERT_TRUE(wmt21);
  EXPECT_EQ(wmt21->id("__en__"), 5);
  EXPECT_EQ(ids_of(*wmt21, "The").front(), 7);
  EXPECT_EQ(m2m100_tokenizer(spm, vocabulary.dump(), "en", "x").status().code(),
            StatusCode::kUnsupported);
  const SentencepieceTokenizerPtr legacy =
      parsed_sentencepieces(nllb_tokenizer(spm, "ace_Arab", LanguagePlace::kLast));
  ASSERT_TRUE(legacy);
  Ids behind = pieces;
  behind.insert(behind.end(), {2, 901});
  EXPECT_EQ(ids_of(*legacy, "The river"), behind);
}

Ids pair_ids(const text::Tokenizer& tokenizer) {
  std::vector<int32_t> types;
  const auto pair = tokenizer.encode_pair("The river", "The", {}, &types);
  EXPECT_TRUE(pair.ok()) << pair.status().message();
  Ids ids;
  if (pair.ok()) {
    for (const text::Token& token : pair->tokens) ids.push_back(token.id);
    EXPECT_EQ(types, Ids(ids.size(), 0)) << "one type for both texts";
  }
  return ids;
}

/// `offset` is added to SentencePiece's ids.
void expect_fairseq_pair(const text::Tokenizer& tokenizer, int32_t offset, int32_t begin,
                         int32_t end) {
  const auto append = [offset](Ids& ids, std::string_view text) {
    for (const int32_t id : plain_ids("unigram.model", text)) ids.push_back(id + offset);
  };
  Ids expected = {begin};
  append(expected, "The river");
  expected.push_back(end);
  EXPECT_EQ(ids_of(tokenizer, "The river"), expected);
  expected.push_back(end);
  append(expected, "The");
  expected.push_back(end);
  EXPECT_EQ(pair_ids(tokenizer), expected);
}

TEST(SentencePieceFamilyTest, XlmRobertaHasFairseqsIds) {
  const SentencepieceTokenizerPtr tokenizer =
      parsed_sentencepieces(xlm_roberta_tokenizer(text::read_subword_data("unigram.model")));
  ASSERT_TRUE(tokenizer);
  EXPECT_EQ(tokenizer->vocabulary_size(), 902);
  EXPECT_EQ(tokenizer->id("<mask>"), 901);
  EXPECT_EQ(tokenizer->id("<pad>"), 1);
  expect_fairseq_pair(*tokenizer, 1, 0, 2);
}

TEST(SentencePieceFamilyTest, CamembertHasFairseqsTokensBeforeItsOwn) {
  const SentencepieceTokenizerPtr tokenizer =
      parsed_sentencepieces(camembert_tokenizer(text::read_subword_data("unigram.model")));
  ASSERT_TRUE(tokenizer);
  EXPECT_EQ(tokenizer->vocabulary_size(), 905);
  EXPECT_EQ(tokenizer->id("<mask>"), 904);
  EXPECT_EQ(tokenizer->id("<unk>"), 3);
  EXPECT_EQ(tokenizer->id("<s>NOTUSED"), 0);
  expect_fairseq_pair(*tokenizer, 4, 5, 6);
  EXPECT_EQ(ids_of(*tokenizer, "\u4e2d"), (Ids{5, *tokenizer->id("\u2581"), 3, 6}));
}

TEST(SentencePieceFamilyTest, AlbertNeedsItsSpecialPieces) {
  const auto json = albert_tokenizer(text::read_subword_data("unigram.model"), {});
  EXPECT_EQ(json.status().code(), StatusCode::kDataLoss);
  EXPECT_NE(json.status().message().find("'<pad>'"), std::string::npos);
  const auto bpe = albert_tokenizer(text::read_subword_data("bpe.model"), {});
  EXPECT_EQ(bpe.status().code(), StatusCode::kUnsupported);
}

TEST(SentencePieceFamilyTest, DebertaNeedsItsSpecialPieces) {
  const auto json = deberta_v2_tokenizer(text::read_subword_data("unigram.model"), {});
  EXPECT_EQ(json.status().code(), StatusCode::kDataLoss);
  EXPECT_NE(json.status().message().find("'[PAD]'"), std::string::npos);
  const auto split =
      deberta_v2_tokenizer(text::read_subword_data("unigram.model"), {.split_by_punct = true});
  EXPECT_EQ(split.status().code(), StatusCode::kUnsupported);
  EXPECT_NE(split.status().message().find("'split_by_punct'"), std::string::npos);
  const auto bpe = deberta_v2_tokenizer(text::read_subword_data("bpe.model"), {});
  EXPECT_EQ(bpe.status().code(), StatusCode::kUnsupported);
}

TEST(SentencePieceFamilyTest, ContradictionsAreNamed) {
  const std::string spm = text::read_subword_data("unigram.model");
  EXPECT_EQ(marian_tokenizer(spm, "[").status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(marian_tokenizer(spm, "{}").status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(marian_tokenizer(spm, R"({"</s>": -1})").status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(t5_tokenizer("\x0A", 100).status().code(), StatusCode::kDataLoss);
}

}  // namespace
}  // namespace lanewise::converters
