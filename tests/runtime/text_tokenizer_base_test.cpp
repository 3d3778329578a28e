#include "runtime/text/tokenizer_base.hpp"

#include <gtest/gtest.h>

#include "tests/runtime/text_tiny_vocabulary.hpp"

namespace lanewise::text {
namespace {

using Ids = std::vector<int32_t>;

constexpr int32_t kStart = 200;

AddedToken added(std::string content, int32_t id) {
  AddedToken token;
  token.content = std::move(content);
  token.id = id;
  return token;
}

/// Each byte is the token with its number. Upper case is normalised to lower, and '!' is an error.
class Bytes final : public TokenizerBase {
 public:
  Status build(std::vector<AddedToken> added_tokens, SpecialTemplate specials = bare_template()) {
    added_tokens_ = std::move(added_tokens);
    for (int32_t id = 0; id < 128; ++id) names_.emplace_back(1, static_cast<char>(id));
    for (int32_t id = 0; id < 128; ++id) {
      const Status status = enter(names_[static_cast<size_t>(id)], id);
      if (!status.ok()) return status;
    }
    const Status status = enter_added_tokens(added_tokens_);
    return status.ok() ? set_post_processor({std::move(specials), {}}) : status;
  }
  std::string to_json() const override { return {}; }

  bool reads_whole = false;
  mutable size_t read = 0;  // bytes that became tokens

 private:
  int32_t model_id(std::string_view token) const override {
    return token.size() == 1 ? token[0] : ByteTrie::kNone;
  }
  Result<NormalizedText> normalize(std::string_view text, size_t offset) const override {
    NormalizedText normalized = unchanged_text(text, static_cast<int32_t>(offset));
    for (char& c : normalized.bytes) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    return normalized;
  }
  Status encode_normalized(const NormalizedText& text, size_t begin, size_t end,
                           Output* out) const override {
    for (size_t i = begin; i < end && !out->full(); ++i, ++read) {
      if (text.bytes[i] == '!') return invalid_argument("refused");
      push(text.bytes.substr(i, 1), {text.bytes[i], text.spans[i].begin, text.spans[i].end}, out);
    }
    return {};
  }
  Result<std::string> join_tokens(std::span<const std::string_view> tokens) const override {
    return join(tokens, "");
  }
  Result<std::string> bytes_of(std::string_view token, TokenPlace) const override {
    return std::string(token);
  }
  bool reads_pairs_whole() const override { return reads_whole; }

  std::vector<std::string> names_;
  std::vector<AddedToken> added_tokens_;
};

TEST(TokenizerBase, CutsATextAtAddedTokens) {
  AddedToken normal = added("Kl", 201);
  normal.normalized = true;
  Bytes tokenizer;
  ASSERT_TRUE(tokenizer.build({added("<S>", kStart), normal}).ok());
  const auto encoding = tokenizer.encode("A<S>b<s>kL", {});
  EXPECT_EQ(ids_of(*encoding), (Ids{'a', kStart, 'b', '<', 's', '>', 201}));
  EXPECT_EQ(offsets_of(*encoding).back(), "8-10");
  EXPECT_EQ(tokenizer.id("Kl"), 201);
  EXPECT_EQ(tokenizer.id("k"), 'k');
  EXPECT_EQ(tokenizer.id("kl"), std::nullopt);
  EXPECT_EQ(*tokenizer.decode(ids_of(*encoding), false), "a<S>b<s>kl") << "by its normal form";
}

TEST(TokenizerBase, ReadsNoFurtherThanOneTokenOverTheRoom) {
  Bytes tokenizer;
  ASSERT_TRUE(tokenizer.build({}).ok());
  const std::string text(1000, 'x');
  EXPECT_TRUE(tokenizer.encode(text, {.max_length = 10})->truncated);
  EXPECT_EQ(tokenizer.read, 11u);
  EXPECT_FALSE(tokenizer.encode("xx", {.max_length = 2})->truncated);
  EXPECT_TRUE(tokenizer.encode("xx!", {.max_length = 1}).ok()) << "what is not read is no error";
  EXPECT_EQ(tokenizer.encode("xx!", {.max_length = 2}).status().message(), "refused");
}

TEST(TokenizerBase, GivesTheOddTokenOfAPairToTheLongerText) {
  Bytes tokenizer;
  ASSERT_TRUE(tokenizer.build({}).ok());
  const auto pair = [&](std::string_view first, std::string_view second, int64_t room) {
    return ids_of(*tokenizer.encode_pair(first, second, {.max_length = room}, nullptr));
  };
  EXPECT_EQ(pair("aaaaaa", "bbbbbbbb", 5), (Ids{'a', 'a', 'b', 'b', 'b'}));
  EXPECT_EQ(pair("aaaaaaaa", "bbbbbb", 5), (Ids{'a', 'a', 'a', 'b', 'b'}));
  EXPECT_EQ(pair("a", "bbbbbb", 4), (Ids{'a', 'b', 'b', 'b'}));
  EXPECT_TRUE(tokenizer.encode_pair("aaaaa!", "b", {.max_length = 4}, nullptr).ok());
  tokenizer.reads_whole = true;
  EXPECT_FALSE(tokenizer.encode_pair("aaaaa!", "b", {.max_length = 4}, nullptr).ok());
}

TEST(TokenizerBase, RefusesTokensThatContradictTheModel) {
  EXPECT_EQ(Bytes().build({added("a", kStart)}).message(),
            "added token 'a' has id 200, the vocabulary gives it 97");
  EXPECT_EQ(Bytes().build({}, bert_template("<s>", kStart, "</s>", 1)).message(),
            "special token '<s>': no token has its id 200");
}

}  // namespace
}  // namespace lanewise::text
