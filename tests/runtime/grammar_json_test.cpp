// JSON and JSON schemas: what is generated parses, and what is valid is accepted.

#include <gtest/gtest.h>

#include <cmath>

#include "tests/runtime/grammar_walk.hpp"

namespace lanewise::test {
namespace {

using nlohmann::json;

std::optional<json> parsed(const std::string& text) {
  json value = json::parse(text, nullptr, false);
  EXPECT_FALSE(value.is_discarded()) << "'" << text << "'";
  if (value.is_discarded()) return std::nullopt;
  return value;
}

class GrammarJsonTest : public ::testing::TestWithParam<const char*> {
 protected:
  const Tokens& tokens() { return Tokens::of(GetParam()); }
};
INSTANTIATE_TEST_SUITE_P(Vocabularies, GrammarJsonTest, ::testing::Values("roberta", "llama"));

TEST_P(GrammarJsonTest, RandomTextsParse) {
  const Constraint constraint = constraint_of(Grammar::json(), tokens());
  Random random(1);
  int ended = 0;
  for (int i = 0; i < 150; ++i) {
    const auto ids = random_walk(constraint, random, 300);
    if (!ids) continue;
    ++ended;
    EXPECT_TRUE(parsed(tokens().decoded(*ids)));
  }
  EXPECT_GT(ended, 20);
}

struct SchemaCase {
  const char* schema;
  bool (*valid)(const json&);
};

bool is_person(const json& v) {
  return v.is_object() && v.contains("name") && v["name"].is_string() &&
         (!v.contains("age") ||
          (v["age"].is_number_integer() && v["age"] >= 0 && v["age"] <= 130)) &&
         (!v.contains("tags") || (v["tags"].is_array() && v["tags"].size() <= 3)) &&
         v.size() == 1u + v.contains("age") + v.contains("tags");
}

bool is_list(const json& v) {
  return v.is_null() ||
         (v.is_object() && v.size() == 2 && v["value"].is_number_integer() && is_list(v["next"]));
}

const SchemaCase kSchemas[] = {
    {R"({"type": "object", "properties": {"name": {"type": "string"},
         "age": {"type": "integer", "minimum": 0, "maximum": 130},
         "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 3}},
         "required": ["name"], "additionalProperties": false})",
     is_person},
    {R"({"$ref": "#/$defs/list", "$defs": {"list": {"anyOf": [{"type": "null"},
         {"type": "object", "properties": {"value": {"type": "integer"},
          "next": {"$ref": "#/$defs/list"}}, "required": ["value", "next"]}]}}})",
     is_list},
    {R"({"enum": ["red", "green", 3, null, true, {"a": [1, "\n"]}, "caf\u00e9\""]})",
     [](const json& v) {
       return json::parse(R"(["red", "green", 3, null, true, {"a": [1, "\n"]}, "caf\u00e9\""])")
                  .dump()
                  .find(v.dump()) != std::string::npos;
     }},
    {R"({"type": "array", "prefixItems": [{"type": "boolean"}, {"const": "x"}],
         "items": {"type": "number"}, "minItems": 2, "maxItems": 4})",
     [](const json& v) {
       return v.is_array() && v.size() >= 2 && v.size() <= 4 && v[0].is_boolean() && v[1] == "x" &&
              (v.size() < 3 || v[2].is_number()) && (v.size() < 4 || v[3].is_number());
     }},
    {R"({"type": "number", "minimum": -1.5, "exclusiveMaximum": 12.25})",
     [](const json& v) { return v.is_number() && v >= -1.5 && v < 12.25; }},
    {R"({"type": "integer", "exclusiveMinimum": -1205, "exclusiveMaximum": -7})",
     [](const json& v) { return v.is_number_integer() && v > -1205 && v < -7; }},
    {R"({"type": "integer", "minimum": 98})",
     [](const json& v) { return v.is_number_integer() && v >= 98; }},
    {R"({"type": ["string", "null"], "minLength": 2, "maxLength": 5})",
     [](const json& v) {
       if (v.is_null()) return true;
       size_t characters = 0;
       for (const char c : v.get<std::string>()) characters += (c & 0xC0) != 0x80;
       return characters >= 2 && characters <= 5;
     }},
    {R"({"type": "string", "pattern": "^[A-Z]{2}\"[0-9\\n]+$"})",
     [](const json& v) {
       const auto text = v.get<std::string>();
       return text.size() >= 4 && text[2] == '"' &&
              text.find_first_not_of("0123456789\n", 3) == text.npos;
     }},
    {R"({"type": "string", "format": "date"})",
     [](const json& v) {
       const auto text = v.get<std::string>();
       return text.size() == 10 && text[4] == '-' && text.substr(5, 5) != "02-30";
     }},
    {R"({"type": "object", "properties": {"a": {"type": "integer"}, "ab": {"type": "integer"}},
         "additionalProperties": {"type": "boolean"}})",
     [](const json& v) {
       for (const auto& [key, value] : v.items()) {
         if (key == "a" || key == "ab" ? !value.is_number_integer() : !value.is_boolean())
           return false;
       }
       return true;
     }},
    {R"({"allOf": [{"$ref": "#/definitions/a"}, {"properties": {"y": {"type": "null"}},
         "required": ["y"]}], "definitions": {"a": {"type": "object",
         "properties": {"x": {"type": "boolean"}}, "required": ["x"]}}})",
     [](const json& v) { return v.size() == 2 && v["x"].is_boolean() && v["y"].is_null(); }},
    {R"({"type": "object"})", [](const json& v) { return v.is_object(); }},
    {"{}", [](const json&) { return true; }},
    {"true", [](const json&) { return true; }},
};

TEST_P(GrammarJsonTest, RandomTextsAreValid) {
  for (const SchemaCase& c : kSchemas) {
    const Constraint constraint = constraint_of(Grammar::from_json_schema(c.schema), tokens());
    Random random(2);
    int ended = 0;
    for (int i = 0; i < 40; ++i) {
      const auto ids = random_walk(constraint, random, 300);
      if (!ids) continue;
      ++ended;
      const std::string text = tokens().decoded(*ids);
      const auto value = parsed(text);
      EXPECT_TRUE(value && c.valid(*value)) << c.schema << "\n" << text;
    }
    EXPECT_GT(ended, 0) << c.schema;
  }
}

TEST_P(GrammarJsonTest, AcceptsValidTexts) {
  const struct {
    const char* schema;
    std::vector<std::string> good;
    std::vector<std::string> bad;
  } cases[] = {
      {kSchemas[0].schema,
       {R"({"name": "x"})", R"({"name":"\u00e9\ud83d\ude00 \"","age":130})",
        "{\n  \"name\": \"y\",\n  \"tags\": [\n    \"a\",\n    \"b\"\n  ]\n}"},
       {R"({})", R"({"age": 3})", R"({"name": "x", "age": 131})", R"({"name": "x", "b": 1})",
        R"({"name": "x", "tags": ["a","b","c","d"]})", R"({"age": 3, "name": "x"})",
        "{\"name\": \"a\nb\"}", R"({"name": "\ud83d"})", R"({"name": "\x"})", R"({"name" : "x"})",
        R"( {"name": "x"})", R"({"name":  "x"})"}},
      {R"({"type": "number"})",
       {"0", "-0.5", "1e5", "12.25E-3", "123456789012345678"},
       {"01", "+1", ".5", "1.", "1e", "1e999", "NaN", "1234567890123456789"}},
      {kSchemas[4].schema,
       {"-1.5", "-1.49999", "0", "-0", "12.2499", "12", "12.2"},
       {"-1.51", "12.25", "12.250", "13", "-2", "12.251"}},
      {kSchemas[5].schema, {"-8", "-1204", "-999"}, {"-7", "-1205", "8", "0", "-08"}},
      {kSchemas[10].schema,
       {R"({})", R"({"a": 1})", R"({"b": true, "a b": false})", R"({"a": 1, "abc": true})",
        R"({"ab": 1, "": true})"},
       {R"({"a": true})", R"({"b": true, "a": 1})", R"({"b": true, "ab": true})",
        R"({"\u0061": true})"}},
      {R"({"type": "string", "format": "date"})",
       {"\"2024-02-29\"", "\"1900-02-28\"", "\"2000-02-29\""},
       {"\"2023-02-29\"", "\"1900-02-29\"", "\"2024-04-31\"", "\"0000-01-01\"", "\"2024-13-01\""}},
      {R"({"type": "string", "pattern": "b+"})", {"\"b\"", "\"abbc\""}, {"\"a\"", "b"}},
      {R"({"type": "array", "items": {"type": "integer"}, "minItems": 1})",
       {"[1]", "[1, 2,3]", "[\n1\n]"},
       {"[]", "[1,]", "[1 2]"}},
      {R"({"type": "object", "required": ["z"], "properties": {"a": {}}})",
       {R"({"z": [1]})", R"({"a": 1, "z": {}})"},
       {R"({"a": 1})"}},
      {R"({"const": {"a": [1, 2]}})", {R"({"a":[1,2]})", R"({ "a": [ 1, 2 ] })"}, {R"({"a":[2]})"}},
      {R"({"minimum": 3, "maximum": 3})", {"3", "3.0"}, {"3.1", "2.9", "\"3\""}},
      {R"({"type": "string", "nullable": true})", {"null", "\"\""}, {"1"}},
      {R"({"type": "number", "exclusiveMinimum": 0, "maximum": 0.5})",
       {"0.001", "0.5", "0.50"},
       {"0", "0.0", "-0.1", "0.51", "1"}},
  };
  for (const auto& c : cases) {
    const Constraint constraint = constraint_of(Grammar::from_json_schema(c.schema), tokens());
    for (const std::string& text : c.good) {
      EXPECT_TRUE(accepts(constraint, tokens(), text)) << c.schema << "\n" << text;
    }
    for (const std::string& text : c.bad) {
      EXPECT_FALSE(accepts(constraint, tokens(), text)) << c.schema << "\n" << text;
    }
  }
}

TEST(GrammarSchema, MessagesNameKeywordAndPlace) {
  const std::pair<const char*, const char*> cases[] = {
      {"{", "schema: "},
      {"3", "'#': expected a schema, found 3"},
      {R"({"properties": {"a": {"not": {}}}})",
       "schema: '#/properties/a': keyword 'not' is not supported"},
      {R"({"patternProperties": {}})", "'#': keyword 'patternProperties' is not supported"},
      {R"({"type": "integer", "multipleOf": 2})", "keyword 'multipleOf' is not supported"},
      {R"({"if": {}})", "keyword 'if' is not supported"},
      {R"({"type": "integr"})", "unknown type 'integr'"},
      {R"({"$ref": "#/$defs/a"})", "'$ref': there is no '#/$defs/a'"},
      {R"({"$ref": "other.json"})", "another document, is not supported"},
      {R"({"$ref": "#"})", "rule '#' begins with itself"},
      {R"({"$ref": "#/$defs/a", "$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}]}}})",
       "rule '#/$defs/a' begins with itself"},
      {R"x({"type": "string", "pattern": "(?=a)"})x",
       "'#': regular expression: '(?=' (look-around)"},
      {R"({"type": "string", "format": "color"})", "format 'color' is not supported"},
      {R"({"type": "string", "pattern": "a", "minLength": 3})", "only one of 'pattern'"},
      {R"({"anyOf": [{}], "minimum": 3})", "keyword 'minimum' beside 'anyOf' is not supported"},
      {R"({"required": ["b"], "properties": {"a": {}}, "additionalProperties": false})",
       "required 'b' is not among the properties"},
      {R"({"allOf": [{"type": "string"}, {"type": "object"}]})",
       "'allOf' of anything but open objects"},
      {"false", "schema: no value satisfies it"},
      {R"({"type": "integer", "minimum": 3, "maximum": 2})", "no value satisfies it"},
      {R"({"minItems": -1})", "'minItems': expected 0 or more, found -1"},
      {R"({"enum": []})", "no value satisfies it"},
      {R"({"type": "array", "items": {"type": "string", "minLength": 90000, "maxLength": 9999999}})",
       "the grammar is too large"},
  };
  for (const auto& [schema, message] : cases) {
    const auto made = Grammar::from_json_schema(schema);
    ASSERT_FALSE(made.ok()) << schema;
    EXPECT_NE(made.status().message().find(message), std::string::npos)
        << schema << ": " << made.status().message();
    EXPECT_EQ(made.status().message().find('\n'), std::string::npos);
  }
}

}  // namespace
}  // namespace lanewise::test
