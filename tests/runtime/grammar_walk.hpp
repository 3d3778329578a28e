#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lanewise/grammar.hpp"
#include "lanewise/tokenizer.hpp"
#include "runtime/tasks/tokenizer_data.hpp"
#include "tests/runtime/text_subword_golden.hpp"

namespace lanewise::test {

/// A repeatable source of numbers.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 2 + 1) {}
  uint64_t below(uint64_t count) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return (state_ >> 33) % count;
  }

 private:
  uint64_t state_;
};

/// One of the tokenizers of tests/data/subword, or that of a tokenizer.json, with its tokens' bytes.
class Tokens {
 public:
  explicit Tokens(const std::string& name) : tokenizer(made(name)), vocabulary(prepared()) {
    for (int32_t id = 0; id < tokenizer.vocabulary_size(); ++id) {
      bytes.push_back(bytes_of(id, text::TokenPlace::kWithin));
      first_bytes.push_back(bytes_of(id, text::TokenPlace::kFirst));
    }
  }

  static const Tokens& of(const std::string& name) {
    static std::map<std::string, Tokens> all;
    const auto known = all.find(name);
    return known != all.end() ? known->second : all.emplace(name, Tokens(name)).first->second;
  }

  std::string decoded(const std::vector<int32_t>& ids) const {
    const auto text = tokenizer.decode(ids);
    EXPECT_TRUE(text.ok()) << text.status().message();
    return *text;
  }

  Tokenizer tokenizer;
  GrammarVocabulary vocabulary;
  std::vector<std::string> bytes;
  std::vector<std::string> first_bytes;

 private:
  static Tokenizer made(const std::string& name) {
    if (name.ends_with(".json")) {
      std::ifstream in(name, std::ios::binary);
      return *Tokenizer::from_json(std::string(std::istreambuf_iterator<char>(in), {}));
    }
    const nlohmann::json& entry = text::subword_golden()["tokenizers"][name];
    nlohmann::json file = entry["parts"];
    file["model"] = nlohmann::json::parse(
        text::read_subword_data(entry["model"].get<std::string>() + ".model.json"));
    return *Tokenizer::from_json(file.dump());
  }
  GrammarVocabulary prepared() const {
    auto made = GrammarVocabulary::of(tokenizer);
    EXPECT_TRUE(made.ok()) << made.status().message();
    return *made;
  }
  std::string bytes_of(int32_t id, text::TokenPlace place) const {
    return *tokenizer.data().tokenizer().token_bytes(id, place);
  }
};

inline bool bit_of(std::span<const uint64_t> mask, int32_t id) {
  return (mask[static_cast<size_t>(id) / 64] >> (id % 64) & 1) != 0;
}

inline std::vector<int32_t> allowed_ids(GrammarState& state) {
  const auto mask = state.allowed();
  EXPECT_TRUE(mask.ok()) << mask.status().message();
  std::vector<int32_t> ids;
  if (!mask.ok()) return ids;
  for (size_t i = 0; i < mask->size() * 64; ++i) {
    if (bit_of(*mask, static_cast<int32_t>(i))) ids.push_back(static_cast<int32_t>(i));
  }
  return ids;
}

inline Grammar made(const Result<Grammar>& grammar) {
  EXPECT_TRUE(grammar.ok()) << grammar.status().message();
  return *grammar;
}

inline Constraint constraint_of(const Result<Grammar>& grammar, const Tokens& tokens) {
  return *Constraint::create(made(grammar), tokens.vocabulary);
}

/// Follows random tokens that are allowed until the text ends, or nothing if it does not within
/// `most` tokens. Fails the test where nothing is allowed.
inline std::optional<std::vector<int32_t>> random_walk(const Constraint& constraint, Random& random,
                                                       size_t most) {
  GrammarState state = *constraint.start();
  std::vector<int32_t> ids;
  while (ids.size() < most) {
    if (state.finished()) return ids;
    if (state.may_end() && random.below(4) == 0) return ids;
    const std::vector<int32_t> allowed = allowed_ids(state);
    if (allowed.empty()) {
      EXPECT_TRUE(state.may_end()) << "nothing may follow " << ids.size() << " tokens";
      return state.may_end() ? std::optional(ids) : std::nullopt;
    }
    ids.push_back(allowed[random.below(allowed.size())]);
    const Status accepted = state.accept(ids.back());
    EXPECT_TRUE(accepted.ok()) << accepted.message();
  }
  return std::nullopt;
}

/// Splits `text` into tokens at random; nothing if the vocabulary cannot write it.
inline std::optional<std::vector<int32_t>> random_split(const Tokens& tokens, std::string_view text,
                                                        Random& random) {
  std::vector<int32_t> ids;
  while (!text.empty()) {
    const auto& bytes = ids.empty() ? tokens.first_bytes : tokens.bytes;
    std::vector<int32_t> fitting;
    for (size_t id = 0; id < bytes.size(); ++id) {
      if (!bytes[id].empty() && text.starts_with(bytes[id])) {
        fitting.push_back(static_cast<int32_t>(id));
      }
    }
    if (fitting.empty()) return std::nullopt;
    ids.push_back(fitting[random.below(fitting.size())]);
    text.remove_prefix((ids.size() == 1 ? tokens.first_bytes : tokens.bytes)
                           .at(static_cast<size_t>(ids.back()))
                           .size());
  }
  return ids;
}

/// Whether the whole of `text` is accepted, in the same way in each of a few splits.
inline bool accepts(const Constraint& constraint, const Tokens& tokens, std::string_view text) {
  Random random(text.size());
  std::optional<bool> result;
  for (int split = 0; split < 5; ++split) {
    const auto ids = random_split(tokens, text, random);
    if (!ids) return false;  // the vocabulary cannot write it
    GrammarState state = *constraint.start();
    bool good = true;
    for (const int32_t id : *ids) {
      const auto mask = state.allowed();
      const bool allowed = mask.ok() && bit_of(*mask, id);
      good = state.accept(id).ok();
      EXPECT_EQ(good, allowed) << "'" << text << "', token " << id;
      if (!good) break;
    }
    good = good && state.may_end();
    EXPECT_EQ(good, result.value_or(good)) << "'" << text << "' in different splits";
    result = good;
  }
  return *result;
}

}  // namespace lanewise::test
