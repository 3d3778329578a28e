#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/text/tokenizer.hpp"
#include "runtime/text/utf8.hpp"
#include "tests/read_file.hpp"
#include "tests/test_data.hpp"

namespace lanewise::text {

/// Reads tests/data/subword/, which tests/reference/make_subword_golden.py wrote.
inline std::string read_subword_data(const std::string& name) {
  return test::read_file(test_data_folder() + "/subword/" + name);
}

inline const nlohmann::json& subword_golden() {
  static const nlohmann::json golden =
      nlohmann::json::parse(read_subword_data("golden.json"), nullptr, false);
  return golden;
}

/// The script's generator of random texts.
class RandomTexts {
 public:
  explicit RandomTexts(uint64_t seed) : state_(seed) {
    for (const auto& word : subword_golden()["words"]) words_.push_back(word.get<std::string>());
  }

  std::string next() {
    std::string text;
    for (uint64_t parts = 1 + draw(10); parts > 0; --parts) {
      const uint64_t kind = draw(6);
      if (kind < 2) {
        text += words_[draw(words_.size())];
      } else if (kind < 4) {
        const auto [first, last] = kRanges[draw(std::size(kRanges))];
        for (uint64_t n = 1 + draw(4); n > 0; --n) {
          append_utf8(first + static_cast<char32_t>(draw(last - first + 1)), &text);
        }
      } else {
        for (uint64_t n = 1 + draw(2); n > 0; --n) {
          append_utf8(kSpaces[draw(std::size(kSpaces))], &text);
        }
      }
    }
    return text;
  }

 private:
  struct Range {
    char32_t first;
    char32_t last;
  };
  static constexpr Range kRanges[] = {
      {0x20, 0x7E},       {0x61, 0x7A},       {0x61, 0x7A},       {0x00, 0x1F},
      {0x7F, 0xFF},       {0x100, 0x24F},     {0x300, 0x36F},     {0x370, 0x3FF},
      {0x400, 0x45F},     {0x590, 0x5F4},     {0x600, 0x6FF},     {0x900, 0x97F},
      {0xE00, 0xE5B},     {0x1100, 0x11FF},   {0x1E00, 0x1EFF},   {0x2000, 0x206F},
      {0x2080, 0x20BF},   {0x2100, 0x218F},   {0x2460, 0x24FF},   {0x2581, 0x2581},
      {0x2600, 0x27BF},   {0x3000, 0x30FF},   {0x3200, 0x33FF},   {0x4E00, 0x4F00},
      {0xAC00, 0xAD00},   {0xF900, 0xFAFF},   {0xFB00, 0xFDFF},   {0xFE00, 0xFEFF},
      {0xFF00, 0xFFEF},   {0xFFF9, 0xFFFF},   {0x1D400, 0x1D4FF}, {0x1F1E6, 0x1F1FF},
      {0x1F300, 0x1F64F}, {0x20000, 0x20100}, {0xE0001, 0xE007F}, {0x10FF00, 0x10FFFF},
      {0x20, 0x20},       {0x200D, 0x200D},   {0x41, 0x5A},       {0x30, 0x39},
  };
  static constexpr char32_t kSpaces[] = {0x9,    0xA,    0xD,    0x20,   0x20,   0x20,
                                         0x85,   0xA0,   0x1680, 0x180E, 0x2003, 0x200B,
                                         0x2028, 0x202F, 0x205F, 0x3000, 0xFEFF};

  uint64_t draw(uint64_t count) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return (state_ >> 33) % count;
  }

  uint64_t state_;
  std::vector<std::string> words_;
};

/// The results compared with the golden data: ids, optionally offsets, and the decoded text.
struct SubwordResult {
  std::vector<int32_t> ids;
  std::vector<int32_t> offsets;
  std::string decoded;

  /// FNV-1a, continued from `value`.
  uint64_t hash(uint64_t value) const {
    const auto add = [&](uint8_t byte) { value = (value ^ byte) * 0x100000001B3u; };
    for (const std::vector<int32_t>* numbers : {&ids, &offsets}) {
      for (const int32_t number : *numbers) {
        for (int shift = 0; shift < 32; shift += 8) {
          add(static_cast<uint8_t>(static_cast<uint32_t>(number) >> shift));
        }
      }
    }
    for (const char c : decoded) add(static_cast<uint8_t>(c));
    add(0xFF);
    return value;
  }
};

inline constexpr uint64_t kHashStart = 0xCBF29CE484222325u;

inline SubwordResult result_of(const Tokenizer& tokenizer, std::string_view text, bool offsets) {
  SubwordResult result;
  const auto encoding = tokenizer.encode(text, {});
  EXPECT_TRUE(encoding.ok()) << encoding.status().message();
  if (!encoding.ok()) return result;
  for (const Token& token : encoding->tokens) {
    result.ids.push_back(token.id);
    if (!offsets) continue;
    result.offsets.push_back(token.begin);
    result.offsets.push_back(token.end);
  }
  const auto decoded = tokenizer.decode(result.ids, offsets);
  EXPECT_TRUE(decoded.ok()) << decoded.status().message();
  if (decoded.ok()) result.decoded = *decoded;
  return result;
}

/// Fails if the tokenizer differs from the golden data of `name`. Offsets are compared, and special
/// tokens skipped in decoding, only for Hugging Face's.
inline void expect_golden(const Tokenizer& tokenizer, const std::string& name, bool offsets) {
  const nlohmann::json& golden = subword_golden();
  const auto texts = golden["texts"].get<std::vector<std::string>>();
  if (golden["full"].contains(name)) {
    const nlohmann::json& full = golden["full"][name];
    for (size_t i = 0; i < full.size(); ++i) {
      const SubwordResult result = result_of(tokenizer, texts[i], offsets);
      EXPECT_EQ(nlohmann::json(result.ids), full[i][0]) << name << ": " << golden["texts"][i];
      EXPECT_EQ(nlohmann::json(result.offsets), full[i][1]) << name << ": " << golden["texts"][i];
      EXPECT_EQ(result.decoded, full[i][2].get<std::string>())
          << name << ": " << golden["texts"][i];
    }
  }
  const nlohmann::json& hashes = golden["hashes"][name];
  ASSERT_EQ(hashes.size(), texts.size());
  for (size_t i = 0; i < texts.size(); ++i) {
    char hash[17];
    std::snprintf(hash, sizeof hash, "%llx",
                  static_cast<unsigned long long>(
                      result_of(tokenizer, texts[i], offsets).hash(kHashStart) >> 32));
    EXPECT_EQ(hash, hashes[i].get<std::string>()) << name << ": " << golden["texts"][i];
  }
  RandomTexts random(2024);
  for (const nlohmann::json& expected : golden["random"][name]) {
    uint64_t value = kHashStart;
    std::string first;
    for (int i = 0; i < 50; ++i) {
      const std::string text = random.next();
      if (i == 0) first = text;
      value = result_of(tokenizer, text, offsets).hash(value);
    }
    char hash[17];
    std::snprintf(hash, sizeof hash, "%llx", static_cast<unsigned long long>(value));
    EXPECT_EQ(hash, expected.get<std::string>()) << name << ": the texts from '" << first << "' on";
  }
}

}  // namespace lanewise::text
