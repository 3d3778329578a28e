#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "runtime/text/tokenizer.hpp"

namespace lanewise::text {

/// The tokens of the tests' own vocabulary; ids are indices.
inline const std::vector<std::string>& tiny_vocabulary() {
  static const std::vector<std::string> tokens = {
      "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "un",   "##aff", "##able", "hello",     "world",
      ",",     ".",     "!",     "中",    "文",     "cafe", "##s",   "i",      "a",         "##b",
      "한",    "##한",  "σ",     "ς",     "$",      "'",    "don",   "t",      "##\xCC\x87"};
  return tokens;
}

enum TinyId : int32_t {
  kPad,
  kUnk,
  kCls,
  kSep,
  kMask,
  kUn,
  kAff,
  kAble,
  kHello,
  kWorld,
  kComma,
  kDot,
  kBang,
  kZhong,
  kWen,
  kCafe,
  kS,
  kI,
  kA,
  kB,
  kHan,
  kHanContinued,
  kSigma,
  kFinalSigma,
  kDollar,
  kQuote,
  kDon,
  kT,
  kDotAboveContinued,
  kTinySize
};

inline nlohmann::json tiny_added_token(const std::string& content, int id) {
  return {{"id", id},        {"content", content},  {"single_word", false}, {"lstrip", false},
          {"rstrip", false}, {"normalized", false}, {"special", true}};
}

/// A tokenizer.json like that of an uncased BERT, to be changed by a test.
inline nlohmann::json tiny_json() {
  nlohmann::json vocab = nlohmann::json::object();
  for (size_t i = 0; i < tiny_vocabulary().size(); ++i) vocab[tiny_vocabulary()[i]] = i;
  nlohmann::json added = nlohmann::json::array();
  for (int id = kPad; id <= kMask; ++id) {
    added.push_back(tiny_added_token(tiny_vocabulary()[static_cast<size_t>(id)], id));
  }
  return {{"version", "1.0"},
          {"truncation", {{"max_length", 3}}},
          {"padding", {{"strategy", {{"Fixed", 128}}}}},
          {"added_tokens", added},
          {"normalizer",
           {{"type", "BertNormalizer"},
            {"clean_text", true},
            {"handle_chinese_chars", true},
            {"strip_accents", nullptr},
            {"lowercase", true}}},
          {"pre_tokenizer", {{"type", "BertPreTokenizer"}}},
          {"post_processor",
           {{"type", "BertProcessing"}, {"sep", {"[SEP]", kSep}}, {"cls", {"[CLS]", kCls}}}},
          {"decoder", {{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", true}}},
          {"model",
           {{"type", "WordPiece"},
            {"unk_token", "[UNK]"},
            {"continuing_subword_prefix", "##"},
            {"max_input_chars_per_word", 100},
            {"vocab", vocab}}}};
}

inline std::vector<int32_t> ids_of(const Encoding& encoding) {
  std::vector<int32_t> ids;
  for (const Token& token : encoding.tokens) ids.push_back(token.id);
  return ids;
}

/// "begin-end" of each token.
inline std::vector<std::string> offsets_of(const Encoding& encoding) {
  std::vector<std::string> offsets;
  for (const Token& token : encoding.tokens) {
    offsets.push_back(std::to_string(token.begin) + "-" + std::to_string(token.end));
  }
  return offsets;
}

}  // namespace lanewise::text
