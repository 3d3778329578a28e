#include <algorithm>
#include <string>
#include <vector>

#include "base/messages.hpp"
#include "runtime/chat/builtins.hpp"
#include "runtime/chat/date_text.hpp"
#include "runtime/chat/limits.hpp"
#include "runtime/chat/operations.hpp"
#include "runtime/chat/printing.hpp"
#include "runtime/chat/unicode.hpp"

namespace lanewise::chat {
namespace {

/// Fails with the message, in one line and not much longer than that.
Result<Value> raise_exception(Environment& environment, const Value&, Arguments arguments) {
  constexpr size_t kLongest = 1000;
  LW_ASSIGN_OR_RETURN(const Value text, text_of(arguments[0], environment.store));
  std::string message(text.text().substr(0, byte_of(text.text(), kLongest)));
  if (message.size() < text.text().size()) message += "...";
  std::ranges::replace_if(
      message, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, ' ');
  return invalid_argument("the template says: " + message);
}

Result<Value> strftime_now(Environment& environment, const Value&, Arguments arguments) {
  if (!arguments[0].is_string()) {
    return invalid_argument("strftime_now takes a string, not " + found_text(arguments[0]));
  }
  const std::tm now = environment.now == nullptr ? local_time() : *environment.now;
  LW_ASSIGN_OR_RETURN(const std::string text, date_text(now, arguments[0].text()));
  return environment.store.string(text);
}

/// How many numbers there are from `start` to `stop`, without it.
uint64_t count_of(int64_t start, int64_t stop, int64_t step) {
  if (step > 0 ? start >= stop : start <= stop) return 0;
  const uint64_t distance = step > 0 ? static_cast<uint64_t>(stop) - static_cast<uint64_t>(start)
                                     : static_cast<uint64_t>(start) - static_cast<uint64_t>(stop);
  const uint64_t pace = step > 0 ? static_cast<uint64_t>(step) : -static_cast<uint64_t>(step);
  return (distance - 1) / pace + 1;
}

Result<Value> range(Environment& environment, const Value&, Arguments arguments) {
  for (const Value& argument : arguments) {
    if (argument.is_missing() || argument.is_integral()) continue;
    LW_RETURN_IF_ERROR(check_defined(argument));
    return invalid_argument("'range' takes integers, not " + found_text(argument));
  }
  const bool has_start = !arguments[1].is_missing();
  const int64_t start = has_start ? arguments[0].integer() : 0;
  const int64_t stop = arguments[has_start ? 1 : 0].integer();
  const int64_t step = arguments[2].is_missing() ? 1 : arguments[2].integer();
  if (step == 0) return invalid_argument("the step of 'range' is 0");
  const uint64_t count = count_of(start, stop, step);
  if (count > kMaxRange) {
    return resource_exhausted("'range' of more than " + std::to_string(kMaxRange) + " numbers");
  }
  LW_ASSIGN_OR_RETURN(
      const Range* const made,
      environment.store.make(Range{start, stop, step, static_cast<int64_t>(count)}));
  return Value::range(made);
}

Status put(std::vector<Entry>* entries, const Value& key, const Value& value, Store& store) {
  LW_ASSIGN_OR_RETURN(const Value* const found, find(Value::dict(*entries), key, store));
  if (found == nullptr) {
    entries->push_back({key, value});
  } else {
    for (Entry& entry : *entries) {
      if (&entry.value == found) entry.value = value;
    }
  }
  return {};
}

/// What a dict is made from: another one or pairs.
Status put_all(std::vector<Entry>* entries, const Value& source, Store& store) {
  LW_RETURN_IF_ERROR(check_defined(source));
  if (source.is_dict()) {
    entries->assign(source.entries().begin(), source.entries().end());
    return {};
  }
  LW_ASSIGN_OR_RETURN(const auto pairs, elements_of(source, store));
  for (const Value& pair : pairs) {
    LW_ASSIGN_OR_RETURN(const auto parts, elements_of(pair, store));
    if (parts.size() != 2) return invalid_argument("'dict' takes pairs of a key and a value");
    LW_RETURN_IF_ERROR(put(entries, parts[0], parts[1], store));
  }
  return {};
}

Result<std::vector<Entry>> entries_of(const CallArguments& arguments, Store& store) {
  std::vector<Entry> entries;
  if (arguments.positional.size() > 1) return invalid_argument("'dict' takes one value");
  if (!arguments.positional.empty()) {
    LW_RETURN_IF_ERROR(put_all(&entries, arguments.positional[0], store));
  }
  for (const auto& [name, value] : arguments.keywords) {
    LW_RETURN_IF_ERROR(put(&entries, Value::string(name), value, store));
  }
  return entries;
}

Result<Value> dict(Environment& environment, const Value&, const CallArguments& arguments) {
  LW_ASSIGN_OR_RETURN(const std::vector<Entry> entries, entries_of(arguments, environment.store));
  return environment.store.dict(entries);
}

Result<Value> name_space(Environment& environment, const Value&, const CallArguments& arguments) {
  Store& store = environment.store;
  LW_ASSIGN_OR_RETURN(const std::vector<Entry> entries, entries_of(arguments, store));
  LW_ASSIGN_OR_RETURN(Namespace* const names, store.make(Namespace{}));
  Variable** end = &names->first;
  for (const Entry& entry : entries) {
    if (!entry.key.is_string() || entry.key.text().starts_with('_')) {
      return invalid_argument("a namespace has no name " + found_text(entry.key));
    }
    LW_ASSIGN_OR_RETURN(*end, store.make(Variable{entry.key.text(), entry.value, nullptr}));
    end = &(*end)->next;
  }
  return Value::name_space(names);
}

constexpr Builtin kFunctions[] = {
    {"raise_exception", raise_exception, {"message"}, 1},
    {"strftime_now", strftime_now, {"format"}, 1},
    {"range", range, {"(start)", "(stop)", "(step)"}, 1},
    {.name = "dict", .call_variadic = dict},
    {.name = "namespace", .call_variadic = name_space},
};

}  // namespace

const Builtin* find_function(std::string_view name) noexcept { return find(kFunctions, name); }

}  // namespace lanewise::chat
