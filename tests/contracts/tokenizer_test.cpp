// Tokenizers of every kind with allocations that fail.

#include "runtime/text/tokenizer.hpp"

#include <gtest/gtest.h>

#include "base/no_throw.hpp"
#include "tests/contracts/sweep.hpp"
#include "tests/contracts/tiny_models.hpp"
#include "tests/runtime/text_subword_golden.hpp"
#include "tests/runtime/text_tiny_vocabulary.hpp"

namespace lanewise::test {
namespace {

using text::Encoding;
using TokenizerPtr = std::shared_ptr<const text::Tokenizer>;

const std::string kTokenizerText = "Hello, world! unaffable cafés \xE4\xB8\xAD 123";
const std::string kOther = "another text, which is longer than the first";

std::string tokenizer_bits_of(const Encoding& encoding) {
  std::string bits;
  for (const text::Token& token : encoding.tokens) {
    const int32_t numbers[] = {token.id, token.begin, token.end, static_cast<int32_t>(token.role)};
    bits += bytes(numbers);
  }
  return bits;
}

void sweep_use(const std::string& name, const TokenizerPtr& tokenizer) {
  const auto bits = [](const Result<Encoding>& encoding) { return tokenizer_bits_of(*encoding); };
  expect_contract(
      "Tokenizer::encode, " + name, [&] { return tokenizer->encode(kTokenizerText, {}); }, bits);
  const text::EncodeOptions short_options{.max_length = 6};
  expect_contract(
      "Tokenizer::encode_pair, " + name,
      [&] { return tokenizer->encode_pair(kTokenizerText, kOther, short_options, nullptr); }, bits);
  expect_contract(
      "Tokenizer::to_json, " + name,
      [&] { return base::no_throw([&]() -> Result<std::string> { return tokenizer->to_json(); }); },
      [](const Result<std::string>& json) { return *json; });
  std::vector<int32_t> ids;
  for (int32_t id = 0; id < 24; ++id) ids.push_back(id);
  expect_contract(
      "Tokenizer::decode, " + name, [&] { return tokenizer->decode(ids, false); },
      [](const Result<std::string>& decoded) { return *decoded; });
}

void sweep_tokenizer(const std::string& name, const std::string& json) {
  expect_contract(
      "parse_tokenizer, " + name, [&] { return text::parse_tokenizer(json); },
      [](const Result<TokenizerPtr>& made) { return std::to_string((*made)->vocabulary_size()); });
  sweep_use(name, expect_ok(text::parse_tokenizer(json)));
}

TEST(TokenizerContract, WordPiece) { sweep_tokenizer("WordPiece", text::tiny_json().dump()); }

TEST(TokenizerContract, Subwords) {
  for (const char* name : {"roberta", "unigram", "llama", "wordlevel"}) {
    const nlohmann::json& entry = text::subword_golden()["tokenizers"][name];
    const std::string model = entry["model"].get<std::string>() + ".model.json";
    nlohmann::json file = entry["parts"];
    file["model"] = nlohmann::json::parse(text::read_subword_data(model));
    sweep_tokenizer(name, file.dump());
  }
}

TEST(TokenizerContract, Damaged) {
  for (const char* json : {"{", "[]", R"({"model": {"type": "a type that nobody knows"}})"}) {
    expect_contract(
        std::string("parse_tokenizer, ") + json, [&] { return text::parse_tokenizer(json); },
        kNoBits);
  }
}

}  // namespace
}  // namespace lanewise::test
