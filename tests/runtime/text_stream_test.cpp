#include "runtime/tasks/text_stream.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace lanewise::tasks {
namespace {

using Json = nlohmann::json;

/// The pieces of a stream, each followed by "|", the last from finish().
std::string streamed(const text::Tokenizer& tokenizer, const std::vector<int32_t>& ids) {
  TextStream stream(tokenizer);
  std::string pieces;
  for (const int32_t id : ids) pieces.append(stream.add(id).value()).append("|");
  return pieces.append(stream.finish().value());
}

TEST(TextStream, HoldsASpaceBackThatTheNextTokenMayTake) {
  const Json json = {
      {"decoder",
       {{"type", "Sequence"}, {"decoders", {{{"type", "ByteLevel"}}, {{"type", "CleanUp"}}}}}},
      {"model",
       {{"type", "BPE"},
        {"vocab", {{"a", 0}, {"\u0120", 1}, {".", 2}, {"\u0120n", 3}, {"'t", 4}, {"'", 5}}},
        {"merges", Json::array()}}}};
  const auto tokenizer = text::parse_tokenizer(json.dump());
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  EXPECT_EQ(streamed(**tokenizer, {0, 1, 2, 0}), "a||.|a|");
  EXPECT_EQ(streamed(**tokenizer, {0, 1, 0}), "a|| a|");
  EXPECT_EQ(streamed(**tokenizer, {0, 3, 4}), "a||n't|");
  EXPECT_EQ(streamed(**tokenizer, {0, 3, 0}), "a|| na|");
  EXPECT_EQ(streamed(**tokenizer, {0, 1, 5, 1, 0}), "a|||'|a|");
  EXPECT_EQ(streamed(**tokenizer, {0, 1}), "a|| ");
}

}  // namespace
}  // namespace lanewise::tasks
