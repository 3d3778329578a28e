#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <type_traits>
#include <vector>

#include "base/json.hpp"
#include "base/json_fields.hpp"
#include "base/json_text.hpp"
#include "base/json_tree.hpp"

namespace lanewise::base {
namespace {

constexpr size_t kMaxBytes = 1 << 20;

JsonDocument parsed(std::string_view text) {
  Result<JsonDocument> document = parse_json(text, kMaxBytes);
  EXPECT_TRUE(document.ok()) << document.status().message();
  return *std::move(document);
}

std::string failure(std::string_view text) {
  const Result<JsonDocument> document = parse_json(text, kMaxBytes);
  EXPECT_FALSE(document.ok()) << text;
  EXPECT_EQ(document.status().code(), StatusCode::kDataLoss);
  return document.status().message();
}

// Destroying a document only frees blocks.
static_assert(std::is_trivially_destructible_v<JsonValue>);
static_assert(std::is_trivially_destructible_v<JsonMember>);

TEST(Json, KeepsTheOrderOfTheTextIfAsked) {
  const std::string text = R"({"b":{"z":1,"y":2},"a":2,"b":3,"c":4,"a":{"2":5,"1":6},"":7})";
  const Result<JsonDocument> document = parse_json_in_order(text, kMaxBytes);
  ASSERT_TRUE(document.ok()) << document.status().message();
  const JsonValue& root = document->root();
  EXPECT_EQ(json_text(root), R"({"b":3,"a":{"2":5,"1":6},"c":4,"":7})");
  ASSERT_NE(root.find("c"), nullptr);
  EXPECT_EQ(root.find("c")->integer(), 4);
  EXPECT_EQ(root.find("b")->integer(), 3);
  EXPECT_EQ(root.find("a")->find("1")->integer(), 6);
  EXPECT_EQ(root.find("d"), nullptr);
  EXPECT_FALSE(parse_json_in_order("{", kMaxBytes).ok());
}

TEST(Json, ReadsWhatNlohmannJsonReads) {
  for (const std::string text : {"null",
                                 "true",
                                 "0",
                                 "-0",
                                 "-9223372036854775808",
                                 "9223372036854775807",
                                 "9223372036854775808",
                                 "18446744073709551615",
                                 "18446744073709551616",
                                 "1.5",
                                 "-0.0",
                                 "1e-400",
                                 "\"\"",
                                 R"("a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00")",
                                 "[]",
                                 "{}",
                                 "[[],{},[1]]",
                                 R"({"b":1,"a":{"":2},"c":[null]})",
                                 R"({"a":1,"b":2,"a":3})",
                                 R"({"b":1,"a":2,"b":3,"a":4,"b":5})"}) {
    const std::string expected = nlohmann::json::parse(text).dump();
    EXPECT_EQ(JsonTree::of(parsed(text).root()).text(), expected) << text;
    EXPECT_EQ(json_text(parsed(text).root()), expected) << text;
  }
}

TEST(Json, LongTextsAreKept) {
  nlohmann::json json;
  for (int i = 0; i < 3000; ++i) {
    json["key" + std::to_string(i * 7919 % 3000)] = std::string(static_cast<size_t>(i) % 300, 'x');
  }
  json["long"] = std::string(200000, 'y');
  json["numbers"] = std::vector<int>(20000, 5);
  JsonDocument moved;
  {
    JsonDocument document = parsed(json.dump());
    moved = std::move(document);
  }
  EXPECT_EQ(json_text(moved.root()), json.dump());
}

TEST(Json, MembersAreSortedAndTheLastOfANameCounts) {
  const JsonDocument document = parsed(R"({"b": 1, "\u00e9": 5, "a": 2, "B": 3, "b": 4})");
  std::string names;
  for (const auto& [name, value] : document.root().members()) names += std::string(name) + ",";
  EXPECT_EQ(names, "B,a,b,\xC3\xA9,");
  EXPECT_EQ(document.root().find("b")->integer(), 4);
  EXPECT_EQ(document.root().find("c"), nullptr);
  EXPECT_EQ(document.root().find("b")->find("b"), nullptr);
}

TEST(Json, NumbersKnowWhatTheyFit) {
  const JsonDocument document = parsed("[-1, 9223372036854775808, 1.0, 7, \"7\"]");
  const auto elements = document.root().elements();
  EXPECT_EQ(elements[0].integer(), -1);
  EXPECT_EQ(elements[0].natural(), std::nullopt);
  EXPECT_EQ(elements[1].integer(), std::nullopt);
  EXPECT_EQ(elements[1].natural(), 9223372036854775808u);
  EXPECT_EQ(elements[1].number(), 9223372036854775808.0);
  EXPECT_EQ(elements[2].integer(), std::nullopt);
  EXPECT_EQ(elements[2].natural(), std::nullopt);
  EXPECT_EQ(elements[3].natural(), 7u);
  EXPECT_EQ(elements[4].integer(), std::nullopt);
}

TEST(Json, WhatIsNotJsonIsRefused) {
  EXPECT_EQ(failure(""), "not JSON: error at byte 1");
  EXPECT_EQ(failure("[1,]"), "not JSON: error at byte 4");
  EXPECT_EQ(failure("{} {}"), "not JSON: error at byte 4");
  EXPECT_EQ(failure("\"\xFF\""), "not JSON: error at byte 2");
  EXPECT_EQ(failure("[1e400]"), "not JSON: a number is out of range");
  EXPECT_EQ(failure(std::string_view("{}\0", 3)), "not JSON: error at byte 3");
  EXPECT_EQ(failure("\xEF\xBB\xBF{}"), "not JSON: error at byte 1");
  EXPECT_EQ(failure("[NaN]"), "not JSON: error at byte 2");
  EXPECT_EQ(parse_json("[1234]", 5).status().message(), "JSON of 6 bytes, at most 5 are read");
}

TEST(Json, DepthIsLimited) {
  const auto nested = [](size_t depth) {
    return std::string(depth, '[') + "\"[[\\\"\"" + std::string(depth, ']');
  };
  EXPECT_TRUE(parse_json(nested(64), kMaxBytes).ok());
  EXPECT_EQ(failure(nested(65)), "JSON nests deeper than 64 levels");
}

TEST(Json, ForeignFilesMayHaveAMarkAndPythonsNumbers) {
  const Result<JsonDocument> document =
      parse_foreign_json("\xEF\xBB\xBF[NaN, -Infinity, \"NaN\", \"a\\\"NaN\", 1]", kMaxBytes);
  ASSERT_TRUE(document.ok()) << document.status().message();
  EXPECT_EQ(json_text(document->root()), R"(["NaN","-Infinity","NaN","a\"NaN",1])");
  EXPECT_FALSE(parse_foreign_json("[aNaN]", kMaxBytes).ok());
  EXPECT_FALSE(parse_foreign_json("[NaN1]", kMaxBytes).ok());
  EXPECT_FALSE(parse_foreign_json("[NaN]", 4).ok());
}

TEST(JsonText, StringsAreThoseOfNlohmannJson) {
  std::vector<std::string> strings;
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      const std::string pair = {static_cast<char>(first), static_cast<char>(second)};
      for (const char* end : {"", "\x80", "\xBF\x80", "a", "\xC3\xA9"}) {
        strings.push_back(pair + end);
      }
    }
  }
  for (const std::string& string : strings) {
    constexpr auto kReplace = nlohmann::json::error_handler_t::replace;
    std::string text;
    const bool valid = append_json_string(string, &text);
    ASSERT_EQ(text, nlohmann::json(string).dump(-1, ' ', false, kReplace));
    EXPECT_EQ(valid, text.find("\xEF\xBF\xBD") == text.npos);
  }
}

TEST(JsonText, NumbersKeepTheirValueAndLookLikeFloats) {
  const auto text = [](double number) {
    std::string digits;
    append_json_number(number, &digits);
    return digits;
  };
  EXPECT_EQ(text(0), "0.0");
  EXPECT_EQ(text(-0.0), "-0.0");
  EXPECT_EQ(text(1), "1.0");
  EXPECT_EQ(text(0.1), "0.1");
  EXPECT_EQ(text(1e-5), "1e-05");
  EXPECT_EQ(text(-1.5e300), "-1.5e+300");
  EXPECT_EQ(text(-2.49710845947265625), "-2.4971084594726563");  // a tie, away from zero
  EXPECT_EQ(text(std::numeric_limits<double>::infinity()), "null");
  EXPECT_EQ(text(std::numeric_limits<double>::quiet_NaN()), "null");
  for (const double number : {5e-324, 1.7976931348623157e308, 1.0 / 3, 123456789012345680.0}) {
    EXPECT_EQ(std::strtod(text(number).c_str(), nullptr), number);
  }
}

TEST(JsonTree, ObjectsKeepTheirOrderUntilTheyAreSorted) {
  JsonTree tree = JsonTree::object({{"b", 1}, {"a", JsonTree::object({{"d", true}, {"c", 2.0}})}});
  tree.set("e", nullptr);
  tree.set("b", "x");
  EXPECT_EQ(tree.text(), R"({"b":"x","a":{"d":true,"c":2.0},"e":null})");
  EXPECT_EQ(tree.copy().text(), tree.text());
  EXPECT_EQ(sorted_text(tree.copy()), R"({"a":{"c":2.0,"d":true},"b":"x","e":null})");
  EXPECT_EQ(JsonTree::object().text(), "{}");
}

TEST(JsonTree, HoldsEveryKindOfValue) {
  const std::vector<std::vector<int32_t>> lists = {{1, -2}, {}};
  const std::map<std::string, int64_t> pairs = {{"z", INT64_MIN}, {"y", 3}};
  JsonTree tree = JsonTree::array(nullptr, false, UINT64_MAX, -7, 0.5F, std::string("s"),
                                  std::string_view("v"), lists, JsonTree::object_of(pairs));
  const std::string text = R"([null,false,18446744073709551615,-7,0.5,"s","v",[[1,-2],[]],)"
                           R"({"y":3,"z":-9223372036854775808}])";
  EXPECT_EQ(tree.text(), text);
  EXPECT_EQ(tree.copy().text(), text);
  EXPECT_EQ(JsonTree::of(parsed(text).root()).text(), text);
}

TEST(JsonTree, FindsMembersAndElements) {
  JsonTree tree = JsonTree::of(parsed(R"({"a": [1, "x"], "b": true})").root());
  EXPECT_EQ(tree.find("c"), nullptr);
  EXPECT_EQ(tree.elements().size(), 0U);
  EXPECT_EQ(*tree.find("b")->boolean(), true);
  EXPECT_EQ(tree.find("b")->string(), nullptr);
  JsonTree* list = tree.find("a");
  EXPECT_EQ(list->find("a"), nullptr);
  EXPECT_EQ(list->members().size(), 0U);
  EXPECT_TRUE(list->elements()[1].is("x"));
  EXPECT_FALSE(list->elements()[0].is("1"));
  EXPECT_EQ(list->elements()[0].boolean(), nullptr);
  list->push_back({});
  EXPECT_TRUE(list->is_array());
  EXPECT_TRUE(tree.is_object());
  EXPECT_TRUE(list->elements()[2].is_null());
  for (auto& [name, value] : tree.members()) value = name;
  EXPECT_EQ(tree.text(), R"({"a":"a","b":"b"})");
}

class JsonFieldsTest : public testing::Test {
 protected:
  JsonFields fields(std::string_view text) {
    document_ = parsed(text);
    return *JsonFields::of(document_.root(), "model");
  }

  JsonDocument document_;
};

template <typename T>
std::string message(const Result<T>& result) {
  EXPECT_FALSE(result.ok());
  EXPECT_EQ(result.status().code(), StatusCode::kDataLoss);
  return result.status().message();
}

TEST_F(JsonFieldsTest, RequiredFieldsSayWhatIsMissing) {
  const JsonFields object = fields(R"({"a": 1, "n": null})");
  EXPECT_EQ(message(object.string("b")), "model.b: expected a string, found nothing");
  EXPECT_EQ(message(object.string("n")), "model.n: expected a string, found null");
  EXPECT_EQ(message(object.string("a")), "model.a: expected a string, found 1");
  EXPECT_EQ(message(object.boolean("a")), "model.a: expected true or false, found 1");
  EXPECT_EQ(message(object.object("a")), "model.a: expected an object, found 1");
  EXPECT_EQ(message(object.array("a")), "model.a: expected an array, found 1");
  EXPECT_EQ(message(object.objects("a")), "model.a: expected an array, found 1");
  EXPECT_EQ(message(object.strings("a")), "model.a: expected an array of strings, found 1");
  EXPECT_EQ(*object.string_or("n", "x"), "x");
  EXPECT_EQ(*object.boolean_or("n", true), true);
  EXPECT_EQ(*object.optional_boolean("n"), std::nullopt);
  EXPECT_EQ(*object.count_or("n", 7), 7);
  EXPECT_EQ(*object.integer_or("b", -7, 0, 1), -7);
  EXPECT_EQ(*object.number_or("b", 0.5, 1, 2), 0.5);
}

TEST_F(JsonFieldsTest, RangesIncludeTheirEnds) {
  const JsonFields object = fields(R"({"a": -2, "b": 2, "c": 2147483648, "d": 2.5,
                                       "e": 18446744073709551615})");
  EXPECT_EQ(*object.integer("a", -2, 1), -2);
  EXPECT_EQ(*object.integer("b", -2, 2), 2);
  EXPECT_EQ(message(object.integer("a", -1, 1)),
            "model.a: expected an integer from -1 to 1, found -2");
  EXPECT_EQ(message(object.integer("b", -1, 1)),
            "model.b: expected an integer from -1 to 1, found 2");
  EXPECT_EQ(message(object.count("c")),
            "model.c: expected an integer from 0 to 2147483647, found 2147483648");
  EXPECT_EQ(*object.natural("e", UINT64_MAX), UINT64_MAX);
  EXPECT_EQ(message(object.natural("e", UINT64_MAX - 1)),
            "model.e: expected an integer from 0 to 18446744073709551614, found "
            "18446744073709551615");
  EXPECT_EQ(message(object.natural("a", 5)), "model.a: expected an integer from 0 to 5, found -2");
  EXPECT_EQ(*object.number("d", 2.5, 2.5), 2.5);
  EXPECT_EQ(*object.number("a"), -2);
  EXPECT_EQ(message(object.number("d", 0, 2)), "model.d: expected a number from 0 to 2, found 2.5");
  EXPECT_EQ(message(object.count("d")),
            "model.d: expected an integer from 0 to 2147483647, found 2.5");
}

TEST_F(JsonFieldsTest, ListsAndMapsNameTheElement) {
  const JsonFields object = fields(R"({"s": ["a", 1], "i": [1, 9], "l": [[1], [9]], "o": {"x": [9]},
                                       "t": {"x": "y"}, "good": [[1, 2], []]})");
  EXPECT_EQ(message(object.strings("s")),
            "model.s: expected an array of strings, found an array with 1");
  EXPECT_EQ(message(object.integers("i", 0, 8)),
            "model.i: expected an array of integers from 0 to 8, found an array with 9");
  EXPECT_EQ(message(object.integer_lists("l", 0, 8)),
            "model.l: expected an array of arrays of integers from 0 to 8, found an array with 9");
  EXPECT_EQ(
      message(object.integer_map("o", 0, 8)),
      "model.o: expected an object of arrays of integers from 0 to 8, found an object with 9");
  EXPECT_EQ(message(object.string_map("o")),
            "model.o: expected an object of strings, found an object with an array");
  EXPECT_EQ(object.string_map("t")->at("x"), "y");
  EXPECT_EQ(object.integer_map("o", 0, 9)->at("x"), std::vector<int32_t>{9});
  EXPECT_EQ(*object.integer_lists("good", 1, 2), (std::vector<std::vector<int32_t>>{{1, 2}, {}}));
  EXPECT_EQ(message(object.objects("s")), "model.s[0]: expected an object, found 'a'");
}

TEST_F(JsonFieldsTest, ChoicesAreListed) {
  constexpr std::string_view kNames[] = {"left", "right", "both"};
  const JsonFields object = fields(R"({"a": "right", "b": "up", "c": 1})");
  EXPECT_EQ(*object.choice("a", kNames), 1u);
  EXPECT_EQ(object.choice("b", kNames).status().code(), StatusCode::kUnsupported);
  EXPECT_EQ(message(object.choice("b", kNames, StatusCode::kDataLoss)),
            "model.b: expected 'left', 'right' or 'both', found 'up'");
  EXPECT_EQ(message(object.choice("c", kNames)), "model.c: expected a string, found 1");
}

TEST_F(JsonFieldsTest, UnknownMembersAreNamed) {
  constexpr std::string_view kKnown[] = {"a", "c"};
  EXPECT_TRUE(fields(R"({"a": 1})").check_members(kKnown).ok());
  EXPECT_EQ(fields(R"({"a": 1, "b\n": 2})").check_members(kKnown).message(),
            "model.'b?': this version does not know this field");
}

TEST_F(JsonFieldsTest, FilesOfOthersAreQuotedAndHaveACodeOfTheirOwn) {
  document_ = parsed(R"({"a": {"b": [{"c": 1}]}})");
  const auto file =
      JsonFields::of_file(document_.root(), "'config.json'", StatusCode::kInvalidArgument);
  ASSERT_TRUE(file.ok());
  const auto list = file->object("a")->objects("b");
  ASSERT_TRUE(list.ok());
  const Status status = list->at(0).string("c").status();
  EXPECT_EQ(status.message(), "'config.json': 'a': 'b[0]': 'c': expected a string, found 1");
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(file->object_or_empty("z")->string("c").status().message(),
            "'config.json': 'z': 'c': expected a string, found nothing");
  const auto none = JsonFields::of_file(parsed("[]").root(), "'config.json'");
  EXPECT_EQ(none.status().message(), "'config.json': expected an object, found an array");
}

}  // namespace
}  // namespace lanewise::base
