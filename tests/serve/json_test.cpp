#include <limits>

#include "serve/http/reply.hpp"
#include "serve/json/fields.hpp"
#include "serve/json/raw_member.hpp"
#include "serve/json/writer.hpp"
#include "tests/serve/serving.hpp"

namespace lanewise::serve {
namespace {

TEST(JsonWriterTest, PutsCommasWhereTheyBelong) {
  JsonWriter json;
  json.begin_object().key("a").begin_array().integer(1).string("x\"\n").begin_object().end_object();
  json.begin_array().end_array().end_array().key("b").number(0.1F).key("c").number(0.25).key("d");
  json.null().key("e").boolean(true).key("f").raw("[1]").end_object();
  EXPECT_EQ(json.take(), R"({"a":[1,"x\"\n",{},[]],"b":0.1,"c":0.25,"d":null,"e":true,"f":[1]})");
  JsonWriter odd;
  odd.begin_array().number(std::numeric_limits<float>::quiet_NaN()).string("\xff").end_array();
  EXPECT_EQ(odd.take(), "[null,\"\xEF\xBF\xBD\"]");
  const std::vector<float> values{1.0F, -2.5F};
  EXPECT_EQ(JsonWriter().numbers(values).take(), "[1,-2.5]");
}

TEST(RawMember, IsTheTextOfTheClient) {
  constexpr std::string_view kObject =
      R"( { "a" : [1, {"b": "]}\","}], "b":{ "z":1,"a":2.50 } ,"c": "x", "d":null } )";
  EXPECT_EQ(raw_member(kObject, "a"), R"([1, {"b": "]}\","}])");
  EXPECT_EQ(raw_member(kObject, "b"), R"({ "z":1,"a":2.50 })");
  EXPECT_EQ(raw_member(kObject, "c"), R"("x")");
  EXPECT_EQ(raw_member(kObject, "d"), "null");
  EXPECT_EQ(raw_member(kObject, "z"), "");
  EXPECT_EQ(raw_member(R"({"a": 1, "a": 2})", "a"), "2");
  EXPECT_EQ(raw_member("{}", "a"), "");
}

TEST(FieldsTest, TheFirstWrongFieldIsReported) {
  Fields fields = expect_ok(Fields::parse(R"({"a": 1.5, "b": "x", "c": null, "d": true})"));
  EXPECT_FALSE(fields.integer("a", 0, 5));
  EXPECT_FALSE(fields.number("b", 0, 5));
  EXPECT_FALSE(fields.text("c"));
  EXPECT_EQ(fields.flag("d"), true);
  EXPECT_EQ(fields.finish().message(), "a: expected a whole number from 0 to 5, found 1.5");
}

TEST(FieldsTest, UnknownFieldsAreReportedUnlessTheyAreNull) {
  Fields fields = expect_ok(Fields::parse(R"({"a": null, "b": 1, "c": {"d": 1, "e": "x"}})"));
  fields.ignore({"b"});
  std::optional<Fields> inner = fields.object("c");
  ASSERT_TRUE(inner);
  EXPECT_EQ(inner->integer("d", 0, 1), 1);
  EXPECT_EQ(inner->finish().message(), "c.e: this field is not supported");
  EXPECT_EQ(inner->raw("e"), "\"x\"");
  EXPECT_TRUE(fields.finish().ok()) << fields.finish().message();
}

TEST(FieldsTest, NumbersOfAnySize) {
  Fields fields = expect_ok(
      Fields::parse(R"({"a": 18446744073709551615, "b": -9223372036854775808, "c": 1e30})"));
  EXPECT_FALSE(fields.integer("a", 0, std::numeric_limits<int64_t>::max()));
  EXPECT_EQ(fields.integer("b", std::numeric_limits<int64_t>::min(), 0),
            std::numeric_limits<int64_t>::min());
  EXPECT_FALSE(fields.number("c", 0, 1));
  EXPECT_FALSE(fields.finish().ok());
}

TEST(ErrorReply, NamesTheField) {
  EXPECT_EQ(field_of("input: expected"), "input");
  EXPECT_EQ(field_of("parameters.src_lang: none"), "parameters.src_lang");
  EXPECT_EQ(field_of("the body: expected"), "");
  EXPECT_EQ(field_of("no field"), "");
  EXPECT_EQ(field_of(": x"), "");
}

}  // namespace
}  // namespace lanewise::serve
