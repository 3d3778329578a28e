#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "runtime/chat/builtins.hpp"
#include "runtime/chat/operations.hpp"
#include "runtime/chat/printing.hpp"
#include "runtime/chat/text_functions.hpp"
#include "runtime/chat/unicode.hpp"
#include "runtime/text/utf8.hpp"

namespace lanewise::chat {
namespace {

bool is_given(const Value& argument) { return !argument.is_missing() && !argument.is_none(); }

template <Sides sides>
Result<Value> strip_method(Environment&, const Value& subject, Arguments arguments) {
  return stripped(subject.text(), sides, arguments[0]);
}

template <std::string (*convert)(std::string_view)>
Result<Value> converted_by_method(Environment& environment, const Value& subject, Arguments) {
  return environment.store.string(convert(subject.text()));
}

Result<std::string_view> string_of(const Value& argument) {
  if (argument.is_string()) return argument.text();
  LW_RETURN_IF_ERROR(check_defined(argument));
  return invalid_argument("expected a string, found " + found_text(argument));
}

Result<Value> replace_method(Environment& environment, const Value& subject, Arguments arguments) {
  LW_ASSIGN_OR_RETURN(const std::string_view from, string_of(arguments[0]));
  LW_ASSIGN_OR_RETURN(const std::string_view to, string_of(arguments[1]));
  return replaced(subject.text(), from, to, arguments[2], environment.store);
}

Result<Value> join_strings(Environment& environment, const Value& subject, Arguments arguments) {
  LW_ASSIGN_OR_RETURN(const auto texts, elements_of(arguments[0], environment.store));
  return joined(subject.text(), texts, environment.store);
}

enum class Side { kBegin, kEnd };

template <Side side>
Result<Value> begins_or_ends(Environment& environment, const Value& subject, Arguments arguments) {
  const Value& given = arguments[0];
  const std::span<const Value> one(&given, 1);
  bool found = false;
  for (const Value& part : given.is(ValueKind::kTuple) ? given.items() : one) {
    LW_ASSIGN_OR_RETURN(const std::string_view text, string_of(part));
    LW_RETURN_IF_ERROR(environment.store.spend_text(text.size()));
    found = found || (side == Side::kBegin ? subject.text().starts_with(text)
                                           : subject.text().ends_with(text));
  }
  return Value::boolean(found);
}

template <Side side>
Result<Value> find_method(Environment& environment, const Value& subject, Arguments arguments) {
  LW_ASSIGN_OR_RETURN(const std::string_view part, string_of(arguments[0]));
  const std::string_view text = subject.text();
  LW_RETURN_IF_ERROR(environment.store.spend_text(text.size()));
  const size_t byte = side == Side::kBegin ? text.find(part) : text.rfind(part);
  if (byte == text.npos) return Value::integer(-1);
  return Value::integer(static_cast<int64_t>(length(text.substr(0, byte))));
}

Result<Value> list_of(const std::vector<std::string_view>& texts, Store& store) {
  LW_ASSIGN_OR_RETURN(const std::span<Value> items, store.array<Value>(texts.size()));
  std::ranges::transform(texts, items.begin(), Value::string);
  return Value::list(items);
}

size_t space_end(std::string_view text, size_t at) {
  while (const size_t bytes = space_at(text, at)) at += bytes;
  return at;
}

size_t word_end(std::string_view text, size_t at) {
  while (at < text.size() && space_at(text, at) == 0) {
    at += static_cast<size_t>(text::decode_at(text, at).length);
  }
  return at;
}

/// The words between white space; the last one is the rest after `most` splits.
std::vector<std::string_view> words_of(std::string_view text, size_t most) {
  std::vector<std::string_view> words;
  for (size_t at = space_end(text, 0); at < text.size();) {
    if (words.size() == most) {
      words.push_back(text.substr(at));
      break;
    }
    const size_t end = word_end(text, at);
    words.push_back(text.substr(at, end - at));
    at = space_end(text, end);
  }
  return words;
}

/// The same from the end.
std::vector<std::string_view> last_words_of(std::string_view text, size_t most) {
  std::vector<std::string_view> words;
  for (text = strip(text, Sides::kRight); !text.empty(); text = strip(text, Sides::kRight)) {
    if (words.size() == most) {
      words.push_back(text);
      break;
    }
    size_t begin = text.size();
    while (begin > 0 && space_before(text, begin) == 0) {
      begin = text::previous_code_point(text, begin);
    }
    words.push_back(text.substr(begin));
    text = text.substr(0, begin);
  }
  std::ranges::reverse(words);
  return words;
}

std::vector<std::string_view> parts_of(std::string_view text, std::string_view separator,
                                       size_t most) {
  std::vector<std::string_view> parts;
  for (size_t at = text.find(separator); at != text.npos && parts.size() < most;
       at = text.find(separator)) {
    parts.push_back(text.substr(0, at));
    text.remove_prefix(at + separator.size());
  }
  parts.push_back(text);
  return parts;
}

std::vector<std::string_view> last_parts_of(std::string_view text, std::string_view separator,
                                            size_t most) {
  std::vector<std::string_view> parts;
  for (size_t at = text.rfind(separator); at != text.npos && parts.size() < most;
       at = text.rfind(separator)) {
    parts.push_back(text.substr(at + separator.size()));
    text = text.substr(0, at);
  }
  parts.push_back(text);
  std::ranges::reverse(parts);
  return parts;
}

/// Counts the parts of a text that have at least `least_bytes` with what follows them.
Status spend_parts(std::string_view text, size_t least_bytes, Store& store) {
  constexpr size_t kStepsOfPart = 4;  // So that a list of them stays below the limit of memory.
  return store.spend(text.size() / least_bytes * kStepsOfPart);
}

template <Side side>
Result<Value> split(Environment& environment, const Value& subject, Arguments arguments) {
  constexpr bool kFromBegin = side == Side::kBegin;
  const std::string_view text = subject.text();
  if (!arguments[1].is_missing() && !arguments[1].is_integral()) {
    return invalid_argument("'maxsplit' is an integer, not " + found_text(arguments[1]));
  }
  const int64_t given = arguments[1].is_missing() ? -1 : arguments[1].integer();
  const size_t most = given < 0 ? std::numeric_limits<size_t>::max() : static_cast<size_t>(given);
  const bool has_separator = arguments[0].is_string() && !arguments[0].text().empty();
  LW_RETURN_IF_ERROR(
      spend_parts(text, has_separator ? arguments[0].text().size() : 2, environment.store));
  if (!is_given(arguments[0])) {
    return list_of(kFromBegin ? words_of(text, most) : last_words_of(text, most),
                   environment.store);
  }
  LW_ASSIGN_OR_RETURN(const std::string_view separator, string_of(arguments[0]));
  if (separator.empty()) return invalid_argument("a separator has at least one character");
  return list_of(
      kFromBegin ? parts_of(text, separator, most) : last_parts_of(text, separator, most),
      environment.store);
}

Result<Value> split_lines(Environment& environment, const Value& subject, Arguments arguments) {
  const bool keeps_ends = !arguments[0].is_missing() && is_true(arguments[0]);
  LW_RETURN_IF_ERROR(spend_parts(subject.text(), 1, environment.store));
  std::vector<std::string_view> lines;
  for (std::string_view rest = subject.text(); !rest.empty();) {
    const auto [line, end] = first_line(rest);
    lines.push_back(rest.substr(0, line.size() + (keeps_ends ? end : 0)));
    rest.remove_prefix(line.size() + end);
  }
  return list_of(lines, environment.store);
}

template <ValueKind kind>
Result<Value> view(Environment&, const Value& subject, Arguments) {
  return Value::view(kind, subject);
}

Result<Value> copy(Environment&, const Value& subject, Arguments) { return subject; }

Result<Value> get(Environment& environment, const Value& subject, Arguments arguments) {
  LW_ASSIGN_OR_RETURN(const Value* const value, find(subject, arguments[0], environment.store));
  if (value != nullptr) return *value;
  return arguments[1].is_missing() ? Value::none() : arguments[1];
}

constexpr Builtin kStringMethods[] = {
    {"strip", strip_method<Sides::kBoth>, {"(chars)"}},
    {"lstrip", strip_method<Sides::kLeft>, {"(chars)"}},
    {"rstrip", strip_method<Sides::kRight>, {"(chars)"}},
    {"split", split<Side::kBegin>, {"sep", "maxsplit"}},
    {"rsplit", split<Side::kEnd>, {"sep", "maxsplit"}},
    {"splitlines", split_lines, {"keepends"}},
    {"startswith", begins_or_ends<Side::kBegin>, {"(prefix)"}, 1},
    {"endswith", begins_or_ends<Side::kEnd>, {"(suffix)"}, 1},
    {"find", find_method<Side::kBegin>, {"(sub)"}, 1},
    {"rfind", find_method<Side::kEnd>, {"(sub)"}, 1},
    {"replace", replace_method, {"(old)", "(new)", "(count)"}, 2},
    {"join", join_strings, {"(iterable)"}, 1},
    {"upper", converted_by_method<upper>},
    {"lower", converted_by_method<lower>},
    {"title", converted_by_method<title>},
    {"capitalize", converted_by_method<capitalize>},
};

// All methods of Python's dict: a method hides a key of its name.
constexpr Builtin kDictMethods[] = {
    {"get", get, {"(key)", "(default)"}, 1},
    {"items", view<ValueKind::kDictItems>},
    {"keys", view<ValueKind::kDictKeys>},
    {"values", view<ValueKind::kDictValues>},
    {"copy", copy},
    {"clear", nullptr},
    {"fromkeys", nullptr},
    {"pop", nullptr},
    {"popitem", nullptr},
    {"setdefault", nullptr},
    {"update", nullptr},
};

constexpr Builtin kListMethods[] = {
    {"copy", copy},      {"append", nullptr},  {"clear", nullptr},
    {"extend", nullptr}, {"insert", nullptr},  {"pop", nullptr},
    {"remove", nullptr}, {"reverse", nullptr}, {"sort", nullptr},
};

}  // namespace

const Builtin* find_method(const Value& subject, std::string_view name) noexcept {
  if (subject.is_string()) return find(kStringMethods, name);
  if (subject.is_dict()) return find(kDictMethods, name);
  if (subject.is(ValueKind::kList)) return find(kListMethods, name);
  return nullptr;
}

bool is_method(std::string_view name) noexcept {
  return find(kStringMethods, name) != nullptr || find(kDictMethods, name) != nullptr ||
         find(kListMethods, name) != nullptr;
}

}  // namespace lanewise::chat
