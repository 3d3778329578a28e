#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "runtime/chat/limits.hpp"
#include "runtime/chat/template.hpp"

namespace lanewise::chat {
namespace {

constexpr std::string_view kMessages =
    R"([{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi"}])";

Result<std::string> rendered(std::string_view text, std::string_view variables = {}) {
  Result<ChatTemplate> chat_template = ChatTemplate::parse(text);
  if (!chat_template.ok()) return chat_template.status();
  ChatInput input;
  input.messages = kMessages;
  input.variables = variables;
  return chat_template->render(input);
}

std::string chat_template_text_of(std::string_view text, std::string_view variables = {}) {
  const Result<std::string> result = rendered(text, variables);
  EXPECT_TRUE(result.ok()) << text << ": " << result.status().message();
  return result.ok() ? *result : "";
}

void expect_chat_template_failure(std::string_view text, StatusCode code,
                                  std::string_view message) {
  const Result<std::string> result = rendered(text);
  ASSERT_FALSE(result.ok()) << text << " gives " << *result;
  EXPECT_EQ(result.status().code(), code) << result.status().message();
  EXPECT_EQ(result.status().message(), message) << text;
}

void expect_syntax_error(std::string_view text, std::string_view message) {
  const Result<ChatTemplate> result = ChatTemplate::parse(text);
  ASSERT_FALSE(result.ok()) << text;
  EXPECT_EQ(result.status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(result.status().message(), message) << text;
}

void expect_unsupported(std::string_view text, std::string_view what) {
  const Result<ChatTemplate> result = ChatTemplate::parse(text);
  ASSERT_FALSE(result.ok()) << text;
  EXPECT_EQ(result.status().code(), StatusCode::kUnsupported) << text;
  EXPECT_EQ(result.status().message(),
            "line 1 of the template: " + std::string(what) + " is not supported");
}

void expect_exhausted(std::string_view text) {
  const Result<std::string> result = rendered(text);
  ASSERT_FALSE(result.ok()) << text.substr(0, 200);
  EXPECT_EQ(result.status().code(), StatusCode::kResourceExhausted) << result.status().message();
}

TEST(ChatTemplate, RemovesWhiteSpaceAsTransformersHasJinjaDo) {
  EXPECT_EQ(chat_template_text_of("a\n  {% if true %}\n  b\n  {% endif %}\nc\n"), "a\n  b\nc");
  EXPECT_EQ(chat_template_text_of("a {%- if true -%} \n b {%- endif %} c"), "ab c");
  EXPECT_EQ(chat_template_text_of("a\n  {%+ if true +%}\n b{% endif %}"), "a\n  \n b");
  EXPECT_EQ(chat_template_text_of("a \n {{- 1 -}} \n b"), "a1b");
  EXPECT_EQ(chat_template_text_of("a\n  {{ 1 }}\n"), "a\n  1");
  EXPECT_EQ(chat_template_text_of("a\n  {# c #}\nb{#- d -#} e"), "a\nbe");
  EXPECT_EQ(chat_template_text_of("x {% raw %}{{ a }}\n {% endraw %}\ny"), "x {{ a }}\ny");
  EXPECT_EQ(chat_template_text_of("{%- raw -%} {% if %} {%- endraw -%} z"), "{% if %}z");
  EXPECT_EQ(chat_template_text_of("a\r\nb\rc\n\n"), "a\nb\nc\n");
  EXPECT_EQ(chat_template_text_of("{ % # } {"), "{ % # } {");
  EXPECT_EQ(chat_template_text_of(""), "");
}

TEST(ChatTemplate, Branches) {
  const std::string text = "{% if x == 1 %}a{% elif x == 2 %}b{% elif x %}c{% else %}d{% endif %}";
  EXPECT_EQ(chat_template_text_of(text, R"({"x": 1})"), "a");
  EXPECT_EQ(chat_template_text_of(text, R"({"x": 2})"), "b");
  EXPECT_EQ(chat_template_text_of(text, R"({"x": 3})"), "c");
  EXPECT_EQ(chat_template_text_of(text, R"({"x": []})"), "d");
  EXPECT_EQ(chat_template_text_of(text), "d");
}

TEST(ChatTemplate, LoopsKnowWhereTheyAre) {
  EXPECT_EQ(chat_template_text_of(
                "{% for x in 'abc' %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}"
                "{{ loop.first }}{{ loop.last }}{{ loop.length }} {% endfor %}"),
            "103TrueFalse3 212FalseFalse3 321FalseTrue3 ");
  EXPECT_EQ(chat_template_text_of(
                "{% for x in [1, 2, 3] %}{{ loop.previtem }}<{{ loop.nextitem }};{% endfor %}"),
            "<2;1<3;2<;");
  EXPECT_EQ(chat_template_text_of(
                "{% for x in [1, 2, 3, 4] if x is even %}{{ x }}/{{ loop.length }} {% endfor %}"),
            "2/2 4/2 ");
  EXPECT_EQ(
      chat_template_text_of("{% for k, v in {'a': 1, 'b': 2}.items() %}{{ k }}{{ v }}{% endfor %}"),
      "a1b2");
  EXPECT_EQ(chat_template_text_of(
                "{% for (a, (b, c)) in [(1, (2, 3))] %}{{ a }}{{ b }}{{ c }}{% endfor %}"),
            "123");
  EXPECT_EQ(chat_template_text_of("{% for x in [] %}a{% else %}none{% endfor %}"), "none");
  EXPECT_EQ(chat_template_text_of("{% for x in missing %}a{% endfor %}"), "");
  EXPECT_EQ(
      chat_template_text_of("{% for x in [1, 2] %}{% for y in 'ab' %}{{ loop.index }}{% endfor %}"
                            "{{ loop.index }};{% endfor %}"),
      "121;122;");
}

TEST(ChatTemplate, LeavesLoopsEarly) {
  EXPECT_EQ(chat_template_text_of("{% for x in range(9) %}{% if x == 1 %}{% continue %}{% endif %}"
                                  "{% if x == 4 %}{% break %}{% endif %}{{ x }}{% endfor %}"),
            "023");
  // Jinja's else follows a loop none of whose turns came to its end.
  EXPECT_EQ(chat_template_text_of("{% for x in [1] %}{% break %}{% else %}e{% endfor %}"), "e");
  expect_syntax_error("{% break %}", "line 1 of the template: 'break' outside of a 'for'");
  expect_syntax_error("{% for x in [] %}{% macro m() %}{% continue %}{% endmacro %}{% endfor %}",
                      "line 1 of the template: 'continue' outside of a 'for'");
}

TEST(ChatTemplate, AConditionOfALoopSeesWhatTheBodyDid) {
  EXPECT_EQ(chat_template_text_of(
                "{% set ns = namespace(stop=false) %}{% for x in range(5) if not ns.stop %}"
                "{{ x }}{% if x == 2 %}{% set ns.stop = true %}{% endif %}{% endfor %}"),
            "012");
}

TEST(ChatTemplate, VariablesEndWithTheirBlock) {
  EXPECT_EQ(
      chat_template_text_of("{% set x = 1 %}{% for y in [1, 2] %}{{ x }}{% set x = x + y %}{{ x }} "
                            "{% endfor %}{{ x }}"),
      "12 13 1");
  EXPECT_EQ(chat_template_text_of("{% if true %}{% set x = 5 %}{% endif %}{{ x }}"), "5");
  EXPECT_EQ(chat_template_text_of(
                "{% set ns = namespace(n=0) %}{% for y in [1, 2] %}{% set ns.n = ns.n + y %}"
                "{% endfor %}{{ ns.n }}"),
            "3");
  EXPECT_EQ(chat_template_text_of("{% set a, b = 1, 'z' %}{{ a }}{{ b }}"), "1z");
  EXPECT_EQ(chat_template_text_of("{% set x %} a{{ 1 }} {% endset %}[{{ x }}]"), "[ a1 ]");
  EXPECT_EQ(chat_template_text_of("{% set x | trim | upper %} a {% endset %}[{{ x }}]"), "[A]");
  EXPECT_EQ(
      chat_template_text_of("{% generation %}{% set x = 1 %}{{ x }}{% endgeneration %}{{ x }}"),
      "1");
  EXPECT_EQ(chat_template_text_of("{% set messages = messages[1:] %}{{ messages | length }}"), "1");
}

TEST(ChatTemplate, CallsMacros) {
  EXPECT_EQ(chat_template_text_of("{% macro m(a, b='x', c=b) %}{{ a }}{{ b }}{{ c }}{% endmacro %}"
                                  "{{ m(1) }} {{ m(1, 2) }} {{ m(b=3, a=4, c=5) }} {{ m() }}"),
            "1xx 122 435 xx");
  EXPECT_EQ(chat_template_text_of(
                "{% macro f(n) %}{{ n }}{% if n > 0 %}{{ f(n - 1) }}{% endif %}{% endmacro %}"
                "{{ f(3) | length }}"),
            "4");
  EXPECT_EQ(
      chat_template_text_of("{% macro m() %}{{ later }}{% endmacro %}{% set later = 7 %}{{ m() }}"),
      "7");
  expect_chat_template_failure("{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}",
                               StatusCode::kInvalidArgument,
                               "line 1 of the template: the macro 'm' has too many arguments");
  expect_chat_template_failure("{% macro m(a) %}{% endmacro %}\n{{ m(z=2) }}",
                               StatusCode::kInvalidArgument,
                               "line 2 of the template: the macro 'm' takes no argument 'z'");
}

TEST(ChatTemplate, HandsMessagesOverAsTransformersDoes) {
  const Result<ChatTemplate> all = ChatTemplate::parse("{{ messages }}");
  ASSERT_TRUE(all.ok());
  ChatInput input;
  input.messages = R"([{"b": null, "a": 1, "reasoning": "r"}, {"thinking": "t", "z": 2}])";
  EXPECT_EQ(*all->render(input),
            "[{'thinking': 'r', 'a': 1, 'reasoning': 'r', 'reasoning_content': 'r'}, "
            "{'thinking': 't', 'z': 2, 'reasoning_content': 't'}]");
  input.messages = R"([1])";
  EXPECT_EQ(all->render(input).status().message(), "messages[0]: expected an object, found 1");
  input.messages = "{}";
  EXPECT_EQ(all->render(input).status().message(), "messages: expected a list, found an object");
  input.messages = "[";
  EXPECT_EQ(all->render(input).status().code(), StatusCode::kInvalidArgument);
  input.messages = R"([{"n": 18446744073709551615}])";
  EXPECT_EQ(all->render(input).status().code(), StatusCode::kInvalidArgument);
  input.messages = "";
  EXPECT_EQ(all->render(input).status().message(), "there are no messages");
}

TEST(ChatTemplate, CanBeRenderedAgainAndCopied) {
  const Result<ChatTemplate> first = ChatTemplate::parse(
      "{% set ns = namespace(n=0) %}{% set ns.n = ns.n + 1 %}{{ ns.n }}{{ messages[0].content }}");
  ASSERT_TRUE(first.ok());
  const ChatTemplate copy = *first;
  ChatInput input;
  input.messages = kMessages;
  EXPECT_EQ(*first->render(input), "1Be kind.");
  EXPECT_EQ(*copy.render(input), "1Be kind.");
}

TEST(ChatTemplate, UsesTheClockOfTheSystemUnlessAnotherIsGiven) {
  EXPECT_GE(std::stoi(chat_template_text_of("{{ strftime_now('%Y') }}")), 2024);
  expect_chat_template_failure("{{ strftime_now('%Q') }}", StatusCode::kUnsupported,
                               "line 1 of the template: strftime_now does not support '%Q'");
}

TEST(ChatTemplate, SaysWhatTheTemplateSays) {
  expect_chat_template_failure("\n{{ raise_exception('no ' ~ messages[0].role ~ '!\\nNever') }}",
                               StatusCode::kInvalidArgument,
                               "line 2 of the template: the template says: no system! Never");
  const Result<std::string> long_message =
      rendered("{{ raise_exception('x' * 100000 ~ missing_name) }}");
  ASSERT_FALSE(long_message.ok());
  EXPECT_LT(long_message.status().message().size(), 2000U);
}

TEST(ChatTemplate, NamesTheLineOfWhatFails) {
  expect_chat_template_failure("a\n\n{{ 1 + missing }}", StatusCode::kInvalidArgument,
                               "line 3 of the template: 'missing' is undefined");
  expect_chat_template_failure("{% for m in messages %}\n{{ m.none.x }}{% endfor %}",
                               StatusCode::kInvalidArgument,
                               "line 2 of the template: 'dict object' has no attribute 'none'");
  expect_chat_template_failure("{{ 'a' + 1 }}", StatusCode::kInvalidArgument,
                               "line 1 of the template: '+' does not take 'a' and 1");
  expect_chat_template_failure(
      "{{ messages.append(1) }}", StatusCode::kInvalidArgument,
      "line 1 of the template: the sandbox does not allow 'append' of a list");
  expect_chat_template_failure(
      "{{ '%s' % 1 }}", StatusCode::kUnsupported,
      "line 1 of the template: '%' that formats a string is not supported");
  expect_chat_template_failure(
      "{% set x = 1 %}{% set x.y = 2 %}", StatusCode::kInvalidArgument,
      "line 1 of the template: 'x' is no namespace, whose attributes alone can be set");
  expect_chat_template_failure("{% set a, b = [1] %}", StatusCode::kInvalidArgument,
                               "line 1 of the template: 2 variables are set to 1 values");
}

TEST(ChatTemplate, RefusesWhatIsNoTemplate) {
  expect_syntax_error("\n{% if x %}a",
                      "line 2 of the template: expected 'endif', found the end of the template");
  expect_syntax_error("{{ 1 + }}",
                      "line 1 of the template: expected an expression, found the end of the tag");
  expect_syntax_error("{{ (1 }}", "line 1 of the template: unexpected '}'");
  expect_syntax_error("{{ a ? b }}", "line 1 of the template: unexpected '?'");
  expect_syntax_error("{{ 'a }}", "line 1 of the template: a string has no end");
  expect_syntax_error("{{ '\\x4' }}",
                      "line 1 of the template: a string has an escape that is no character");
  expect_syntax_error("{# a", "line 1 of the template: a comment has no end");
  expect_syntax_error("{% raw %}a", "line 1 of the template: 'raw' has no 'endraw'");
  expect_syntax_error("{% wibble %}", "line 1 of the template: unknown tag 'wibble'");
  expect_syntax_error("{% endif %}", "line 1 of the template: unknown tag 'endif'");
  expect_syntax_error("{% for loop in x %}{% endfor %}",
                      "line 1 of the template: 'loop' cannot be set within a 'for'");
  expect_syntax_error("\xFF", "template: text is not UTF-8 at byte 0");
}

TEST(ChatTemplate, RefusesWhatOnlyJinjaHasByItsName) {
  expect_unsupported("{% include 'x' %}", "the tag 'include'");
  expect_unsupported("{% block x %}{% endblock %}", "the tag 'block'");
  expect_unsupported("{{ x | pprint }}", "the filter 'pprint'");
  expect_unsupported("{{ x | map('urlize') }}", "the filter 'urlize'");
  expect_unsupported("{{ x | selectattr('a', 'escaped') }}", "the test 'escaped'");
  expect_unsupported("{{ x is lower }}", "the test 'lower'");
  expect_unsupported("{{ cycler(1) }}", "the function 'cycler'");
  expect_unsupported("{{ x.format(1) }}", "the method 'format'");
  expect_unsupported("{{ x.__class__ }}", "the attribute '__class__'");
  expect_unsupported("{{ x | int(base=16) }}", "the argument 'base' of 'int'");
  expect_unsupported("{{ 2 ** 3 }}", "the operator '**'");
  expect_unsupported("{{ range(*x) }}", "'*' before an argument");
  expect_unsupported("{% macro m() %}{{ caller() }}{% endmacro %}", "'caller' in a macro");
  expect_unsupported("{% for x in y recursive %}{% endfor %}", "'recursive' of 'for'");
  expect_unsupported("{{ 99999999999999999999 }}",
                     "the number '99999999999999999999' of this size");
}

std::string repeated(std::string_view text, int count) {
  std::string result;
  for (int i = 0; i < count; ++i) result += text;
  return result;
}

TEST(ChatTemplate, NestsOnlySoDeep) {
  expect_exhausted("{{ " + repeated("(", 100000));
  expect_exhausted("{{ " + repeated("[", 100000));
  expect_exhausted("{{ " + repeated("not ", 100000) + "1 }}");
  expect_exhausted("{{ " + repeated("-", 100000) + "1 }}");
  expect_exhausted("{{ 1" + repeated("+1", 100000) + " }}");
  expect_exhausted("{{ a" + repeated(".a", 100000) + " }}");
  expect_exhausted("{{ a" + repeated("|trim", 100000) + " }}");
  expect_exhausted("{{ a" + repeated("[a", 100000));
  expect_exhausted("{{ a" + repeated("(a", 100000));
  expect_exhausted("{{ 1" + repeated(" if 1 else 1", 50000) + " }}");
  expect_exhausted(repeated("{% if 1 %}", 50000));
  expect_exhausted("{% set " + repeated("(", 100000));
  expect_exhausted(std::string(kMaxTemplateBytes + 1, 'x'));
  expect_exhausted("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}");
  EXPECT_EQ(chat_template_text_of("{{ " + repeated("(", 90) + "1" + repeated(")", 90) + " }}"),
            "1");
}

TEST(ChatTemplate, ValuesNestWithoutHarm) {
  const std::string deep =
      "{% set ns = namespace(x=[]) %}{% for i in range(50000) %}{% set ns.x = [ns.x] %}{% endfor "
      "%}";
  EXPECT_EQ(chat_template_text_of(deep + "{{ ns.x | length }}"), "1");
  expect_exhausted(deep + "{{ ns.x }}");
  expect_exhausted(deep + "{{ ns.x | tojson }}");
  expect_exhausted(deep + "{{ ns.x == [ns.x] }}");
  expect_exhausted(
      "{% set ns = namespace(x=()) %}{% for i in range(50000) %}"
      "{% set ns.x = (ns.x,) %}{% endfor %}{{ ns.x < (ns.x,) }}");
  expect_exhausted("{% set ns = namespace() %}{% set ns.ns = ns %}{{ ns }}");
  EXPECT_EQ(
      chat_template_text_of("{% set ns = namespace() %}{% set ns.ns = ns %}{{ ns.ns == ns }}"),
      "True");
}

TEST(ChatTemplate, TakesOnlySoMuchTimeAndMemory) {
  const std::string all = "{% for a in range(99999) %}{% for b in range(99999) %}";
  expect_exhausted(all + "{% endfor %}{% endfor %}");
  expect_exhausted("{{ 'x' * 3000000000 }}");
  expect_exhausted("{{ [0] * 99999999999 }}");
  expect_exhausted("{{ 'x' * 9223372036854775807 }}");
  expect_exhausted("{{ range(100001) }}");
  expect_exhausted("{{ 9223372036854775807 + 1 }}");
  expect_exhausted("{% set x = 'x' * 1000000 %}{% for a in range(9999) %}{{ x }}{% endfor %}");
  expect_exhausted(
      "{% set ns = namespace(x='ab') %}{% for a in range(99) %}"
      "{% set ns.x = ns.x ~ ns.x %}{% endfor %}");
  expect_exhausted(
      "{% set ns = namespace(x=[1]) %}{% for a in range(60) %}"
      "{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}");
  expect_exhausted("{% set x = 'a' * 9999 %}{{ x.replace('a', x).replace('a', x) }}");
  expect_exhausted("{% set x = ['a' * 99999] * 99999 %}{{ x | join }}");
}

}  // namespace
}  // namespace lanewise::chat
