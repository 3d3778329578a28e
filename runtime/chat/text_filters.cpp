#include <limits>
#include <string>

#include "runtime/chat/builtins.hpp"
#include "runtime/chat/json_output.hpp"
#include "runtime/chat/limits.hpp"
#include "runtime/chat/operations.hpp"
#include "runtime/chat/printing.hpp"
#include "runtime/chat/text_functions.hpp"
#include "runtime/chat/unicode.hpp"

namespace lanewise::chat {
namespace {

Result<Value> string_filter(Environment& environment, const Value& subject, Arguments) {
  return text_of(subject, environment.store);
}

Result<Value> safe(Environment& environment, const Value& subject, Arguments) {
  LW_ASSIGN_OR_RETURN(const Value text, text_of(subject, environment.store));
  return Value::safe_string(text.text());
}

template <std::string (*convert)(std::string_view)>
Result<Value> converted(Environment& environment, const Value& subject, Arguments) {
  LW_ASSIGN_OR_RETURN(const Value text, text_of(subject, environment.store));
  return environment.store.string(convert(text.text()));
}

Result<Value> trim(Environment& environment, const Value& subject, Arguments arguments) {
  LW_ASSIGN_OR_RETURN(const Value text, text_of(subject, environment.store));
  return stripped(text.text(), Sides::kBoth, arguments[0]);
}

Result<Value> replace(Environment& environment, const Value& subject, Arguments arguments) {
  Store& store = environment.store;
  LW_ASSIGN_OR_RETURN(const Value text, text_of(subject, store));
  LW_ASSIGN_OR_RETURN(const Value from, text_of(arguments[0], store));
  LW_ASSIGN_OR_RETURN(const Value to, text_of(arguments[1], store));
  return replaced(text.text(), from.text(), to.text(), arguments[2], store);
}

Result<std::string> indentation(const Value& width) {
  if (width.is_missing()) return std::string(4, ' ');
  constexpr int64_t kMaxWidth = 1000;
  if (width.is_string() && width.text().size() <= kMaxWidth) return std::string(width.text());
  if (!width.is_integral() || width.integer() > kMaxWidth) {
    return invalid_argument("an indentation cannot be " + found_text(width));
  }
  return std::string(static_cast<size_t>(std::max<int64_t>(width.integer(), 0)), ' ');
}

/// Jinja's own filter: the lines after the first are indented, those that are empty only if asked.
Result<Value> indent(Environment& environment, const Value& subject, Arguments arguments) {
  if (!subject.is_string()) {
    LW_RETURN_IF_ERROR(check_defined(subject));
    return invalid_argument("'indent' is for strings, not for " + found_text(subject));
  }
  LW_ASSIGN_OR_RETURN(const std::string indent, indentation(arguments[0]));
  const bool indents_empty = flag(arguments[2]);
  std::string result = flag(arguments[1]) ? indent : "";
  const std::string whole = std::string(subject.text()) + "\n";
  bool is_first = true;
  for (std::string_view rest = whole; !rest.empty();) {
    LW_RETURN_IF_ERROR(environment.store.spend_text(indent.size()));
    const auto [line, end] = first_line(rest);
    if (result.size() > kMaxOutputBytes) return resource_exhausted("'indent' makes a long text");
    if (!is_first) {
      result += "\n";
      if (!line.empty() || indents_empty) result += indent;
    }
    result += line;
    rest.remove_prefix(line.size() + end);
    is_first = false;
  }
  return environment.store.string(result);
}

Status set_separators(const Value& separators, JsonStyle* style) {
  const bool is_pair = separators.is_array() && separators.items().size() == 2 &&
                       separators.items()[0].is_string() && separators.items()[1].is_string();
  if (!is_pair) return invalid_argument("tojson: separators are a pair of strings");
  style->item_separator = separators.items()[0].text();
  style->key_separator = separators.items()[1].text();
  return {};
}

Result<Value> to_json(Environment& environment, const Value& subject, Arguments arguments) {
  JsonStyle style;
  style.ensure_ascii = flag(arguments[0]);
  style.sort_keys = flag(arguments[3]);
  if (!arguments[1].is_missing() && !arguments[1].is_none()) {
    LW_ASSIGN_OR_RETURN(style.indent, indentation(arguments[1]));
    style.item_separator = ",";
  }
  if (!arguments[2].is_missing() && !arguments[2].is_none()) {
    LW_RETURN_IF_ERROR(set_separators(arguments[2], &style));
  }
  return json_of(subject, style, environment.store);
}

constexpr Builtin kTextFilters[] = {
    {"string", string_filter},
    {"safe", safe},
    {"upper", converted<upper>},
    {"lower", converted<lower>},
    {"title", converted<title_words>},
    {"capitalize", converted<capitalize>},
    {"trim", trim, {"chars"}},
    {"replace", replace, {"old", "new", "count"}, 2},
    {"indent", indent, {"width", "first", "blank"}},
    {"tojson", to_json, {"ensure_ascii", "indent", "separators", "sort_keys"}},
};

}  // namespace

std::span<const Builtin> text_filters() noexcept { return kTextFilters; }

}  // namespace lanewise::chat
