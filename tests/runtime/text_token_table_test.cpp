#include "runtime/text/token_table.hpp"

#include <gtest/gtest.h>

namespace lanewise::text {
namespace {

using Ids = std::vector<int32_t>;
using Tokens = std::vector<std::string_view>;

void expect_text_token_table_failure(const Status& status, StatusCode code,
                                     const std::string& message) {
  EXPECT_EQ(status.code(), code);
  EXPECT_EQ(status.message(), message);
}

TEST(TokenTable, KnowsTokensById) {
  TokenTable table;
  EXPECT_EQ(table.size(), 0);
  ASSERT_TRUE(table.add("b", 3).ok());
  ASSERT_TRUE(table.add("a", 0).ok());
  ASSERT_TRUE(table.add("b", 3).ok()) << "the same again";
  EXPECT_EQ(table.size(), 4);
  EXPECT_EQ(table.token(0), "a");
  EXPECT_EQ(table.token(3), "b");
  for (const int32_t none : {-1, 1, 4}) EXPECT_EQ(table.token(none), "") << none;
}

TEST(TokenTable, OfTwoTokensWithOneIdTheLastIsDecoded) {
  TokenTable table;
  ASSERT_TRUE(table.add("a", 0).ok());
  ASSERT_TRUE(table.add("b", 0).ok());
  ASSERT_TRUE(table.add("", 0).ok()) << "none";
  EXPECT_EQ(table.token(0), "b");
  EXPECT_EQ(table.size(), 1);
}

TEST(TokenTable, RefusesWhatCannotBeMeant) {
  TokenTable table;
  ASSERT_TRUE(table.add("a", 0).ok());
  for (const int32_t id : {-1, 1 << 22}) {
    expect_text_token_table_failure(
        table.add("b", id), StatusCode::kResourceExhausted,
        "token 'b': id " + std::to_string(id) + " is not between 0 and 4194303");
  }
  expect_text_token_table_failure(table.add(std::string(1025, 'x'), 1),
                                  StatusCode::kResourceExhausted,
                                  "token 1: 1025 bytes, at most 1024 allowed");
  EXPECT_EQ(table.size(), 1);
}

TEST(TokenTable, DecodesToFormsAndLeavesOutSpecialTokens) {
  TokenTable table;
  ASSERT_TRUE(table.add("<s>", 0).ok());
  ASSERT_TRUE(table.add("Word", 2).ok());
  table.mark_special(0);
  table.decode_as(2, "word");
  EXPECT_EQ(*table.decoded(Ids{0, 2, 1, 99, 0}, false), (Tokens{"<s>", "word", "<s>"}));
  EXPECT_EQ(*table.decoded(Ids{0, 2, 1, 99, 0}, true), (Tokens{"word"}));
  EXPECT_EQ(table.token(2), "Word");
  expect_text_token_table_failure(table.decoded(Ids{2, -7}, true).status(),
                                  StatusCode::kInvalidArgument, "token id -7 is negative");
}

TEST(TokenTable, Join) {
  EXPECT_EQ(join(Tokens{}, " "), "");
  EXPECT_EQ(join(Tokens{"a", "", "b"}, " "), "a  b");
  EXPECT_EQ(join(Tokens{"a", "b"}, ""), "ab");
}

}  // namespace
}  // namespace lanewise::text
