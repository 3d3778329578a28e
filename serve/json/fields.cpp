#include "serve/json/fields.hpp"

#include <charconv>
#include <limits>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "lanewise/tokenizer.hpp"
#include "serve/json/raw_member.hpp"

namespace lanewise::serve {
namespace {

using FieldValue = nlohmann::json;

// Deep enough for schemas and conversations, and far from the end of the stack.
constexpr int kMostDepth = 128;
constexpr size_t kMostShown = 40;

/// What was found, in a message.
std::string shown(const FieldValue& value) {
  if (value.is_array()) return "a list";
  if (value.is_object()) return "an object";
  std::string text = value.dump(-1, ' ', true, FieldValue::error_handler_t::replace);
  if (text.size() > kMostShown) text = text.substr(0, kMostShown) + "...";
  return text;
}

bool is_id(const FieldValue& value) {
  return value.is_number_unsigned() &&
         value.get<uint64_t>() <= static_cast<uint64_t>(std::numeric_limits<int32_t>::max());
}

template <typename Predicate>
bool all_of(const FieldValue& list, Predicate&& predicate) {
  for (const FieldValue& one : list) {
    if (!predicate(one)) return false;
  }
  return true;
}

bool is_text(const FieldValue& value) { return value.is_string(); }
bool is_ids(const FieldValue& value) {
  return value.is_array() && !value.empty() && all_of(value, is_id);
}
bool is_text_or_pair(const FieldValue& value) {
  return value.is_array() && (value.size() == 1 || value.size() == 2) && all_of(value, is_text);
}

std::string decimal(double value) { return FieldValue(value).dump(); }

}  // namespace

struct Fields::State {
  FieldValue object;
  std::string_view text;  // of the object
  std::string prefix;     // `parameters.` in nested ones
  std::set<std::string, std::less<>> read;
  Status status;

  /// The member; null if it is missing.
  const FieldValue& member(std::string_view name) {
    static const FieldValue none;
    read.emplace(name);
    const auto found = object.find(name);
    return found == object.end() ? none : *found;
  }

  void expected(std::string_view name, const std::string& what, const FieldValue& found) {
    fail(name, "expected " + what + ", found " + (found.is_null() ? "nothing" : shown(found)));
  }

  void fail(std::string_view name, std::string_view why) {
    if (!status.ok()) return;
    status = invalid_argument(prefix + std::string(name) + ": " + std::string(why));
  }
};

Result<Fields> Fields::parse(std::string_view body) {
  const Status utf8 = check_utf8(body);
  if (!utf8.ok()) return invalid_argument("the body: " + utf8.message());
  auto state = std::make_unique<State>();
  bool too_deep = false;
  const auto keep = [&](int depth, FieldValue::parse_event_t, FieldValue&) {
    too_deep = too_deep || depth > kMostDepth;
    return !too_deep;
  };
  try {
    state->object = FieldValue::parse(body, keep);
  } catch (const FieldValue::parse_error& error) {
    return invalid_argument("the body is not JSON, at byte " + std::to_string(error.byte));
  } catch (const FieldValue::exception&) {
    return invalid_argument("the body is not JSON: a number is out of range");
  }
  if (too_deep) {
    return invalid_argument("the body is nested deeper than " + std::to_string(kMostDepth));
  }
  if (!state->object.is_object()) {
    return invalid_argument("the body: expected a JSON object, found " + shown(state->object));
  }
  state->text = body;
  return Fields(std::move(state));
}

Fields::Fields(std::unique_ptr<State> state) : state_(std::move(state)) {}
Fields::Fields(Fields&&) noexcept = default;
Fields& Fields::operator=(Fields&&) noexcept = default;
Fields::~Fields() = default;

bool Fields::has(std::string_view name) const {
  const auto found = state_->object.find(name);
  return found != state_->object.end() && !found->is_null();
}

std::optional<std::string> Fields::text(std::string_view name) {
  const FieldValue& value = state_->member(name);
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_null()) state_->expected(name, "a string", value);
  return {};
}

std::optional<bool> Fields::flag(std::string_view name) {
  const FieldValue& value = state_->member(name);
  if (value.is_boolean()) return value.get<bool>();
  if (!value.is_null()) state_->expected(name, "true or false", value);
  return {};
}

std::optional<int64_t> Fields::integer(std::string_view name, int64_t least, int64_t most) {
  const FieldValue& value = state_->member(name);
  if (value.is_null()) return {};
  const bool fits = value.is_number_integer() &&
                    (!value.is_number_unsigned() ||
                     value.get<uint64_t>() <= uint64_t{std::numeric_limits<int64_t>::max()});
  if (fits && value.get<int64_t>() >= least && value.get<int64_t>() <= most) {
    return value.get<int64_t>();
  }
  state_->expected(
      name, "a whole number from " + std::to_string(least) + " to " + std::to_string(most), value);
  return {};
}

std::optional<double> Fields::number(std::string_view name, double least, double most) {
  const FieldValue& value = state_->member(name);
  if (value.is_null()) return {};
  if (value.is_number() && value.get<double>() >= least && value.get<double>() <= most) {
    return value.get<double>();
  }
  state_->expected(name, "a number from " + decimal(least) + " to " + decimal(most), value);
  return {};
}

std::optional<std::string> Fields::choice(std::string_view name,
                                          std::initializer_list<std::string_view> choices) {
  const FieldValue& value = state_->member(name);
  if (value.is_null()) return {};
  std::string list;
  for (const std::string_view choice : choices) {
    if (value.is_string() && value.get_ref<const std::string&>() == choice) {
      return std::string(choice);
    }
    list.append(list.empty() ? "" : " or ").append(FieldValue(choice).dump());
  }
  state_->expected(name, list, value);
  return {};
}

std::optional<std::vector<std::string>> Fields::texts(std::string_view name) {
  const FieldValue& value = state_->member(name);
  if (value.is_array() && all_of(value, is_text)) return value.get<std::vector<std::string>>();
  if (!value.is_null()) state_->expected(name, "a list of strings", value);
  return {};
}

std::optional<std::vector<std::string>> Fields::text_or_texts(std::string_view name) {
  const FieldValue& value = state_->member(name);
  if (value.is_string()) return std::vector{value.get<std::string>()};
  return texts(name);
}

TextInputs Fields::inputs(std::string_view name, int64_t most) {
  const FieldValue& value = state_->member(name);
  TextInputs inputs;
  inputs.single = value.is_string() || is_ids(value);
  if (value.is_string()) {
    inputs.texts.push_back(value.get<std::string>());
  } else if (is_ids(value)) {
    inputs.ids.push_back(value.get<std::vector<int32_t>>());
  } else if (value.is_array() && !value.empty() && all_of(value, is_text)) {
    inputs.texts = value.get<std::vector<std::string>>();
  } else if (value.is_array() && !value.empty() && all_of(value, is_ids)) {
    inputs.ids = value.get<std::vector<std::vector<int32_t>>>();
  } else if (value.is_array() && value.empty()) {
    fail(name, "expected at least one text, found an empty list");
  } else {
    state_->expected(name, "a string, a list of strings, token ids, or lists of token ids", value);
  }
  if (inputs.count() > static_cast<size_t>(most)) {
    fail(name, "expected at most " + std::to_string(most) + " texts, found " +
                   std::to_string(inputs.count()));
  }
  for (const std::string& text : inputs.texts) {
    if (text.empty()) fail(name, "expected texts, found an empty one");
  }
  return inputs;
}

std::vector<std::vector<std::string>> Fields::texts_or_pairs(std::string_view name, int64_t most,
                                                             bool& single) {
  const FieldValue& value = state_->member(name);
  single = true;
  if (value.is_string()) return {{value.get<std::string>()}};
  if (is_text_or_pair(value)) return {value.get<std::vector<std::string>>()};
  single = false;
  if (!value.is_array() || value.empty() || !all_of(value, is_text_or_pair)) {
    state_->expected(name, "a string, a pair of strings, or a list of lists of one or two strings",
                     value);
    return {};
  }
  if (value.size() > static_cast<size_t>(most)) {
    fail(name, "expected at most " + std::to_string(most) + " texts, found " +
                   std::to_string(value.size()));
  }
  return value.get<std::vector<std::vector<std::string>>>();
}

std::vector<LogitBias> Fields::biases(std::string_view name) {
  const FieldValue& value = state_->member(name);
  std::vector<LogitBias> biases;
  if (value.is_null()) return biases;
  bool good = value.is_object();
  if (good) {
    for (const auto& [key, number] : value.items()) {
      LogitBias bias;
      const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), bias.id);
      good = good && error == std::errc() && end == key.data() + key.size() && number.is_number();
      if (!good) break;
      bias.bias = number.get<double>();
      biases.push_back(bias);
    }
  }
  if (!good) state_->expected(name, "an object of token ids and numbers", value);
  return biases;
}

std::optional<Fields> Fields::object(std::string_view name) {
  const FieldValue& value = state_->member(name);
  if (value.is_null()) return {};
  if (!value.is_object()) {
    state_->expected(name, "an object", value);
    return {};
  }
  auto inner = std::make_unique<State>();
  inner->object = value;
  inner->text = raw_member(state_->text, name);
  inner->prefix = state_->prefix + std::string(name) + ".";
  return Fields(std::move(inner));
}

std::string_view Fields::raw(std::string_view name) {
  if (state_->member(name).is_null()) return {};
  return raw_member(state_->text, name);
}

std::string Fields::required_text(std::string_view name) {
  if (!has(name)) state_->expected(name, "a string", state_->member(name));
  return text(name).value_or("");
}

std::vector<std::string> Fields::required_texts(std::string_view name, int64_t most) {
  std::vector<std::string> all = texts(name).value_or(std::vector<std::string>());
  if (all.empty() || all.size() > static_cast<size_t>(most)) {
    fail(name, "expected a list of 1 to " + std::to_string(most) + " strings, found " +
                   (has(name) ? std::to_string(all.size()) : "nothing"));
  }
  return all;
}

void Fields::ignore(std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) state_->read.emplace(name);
}

void Fields::only(std::string_view name, bool value) {
  const FieldValue& found = state_->member(name);
  if (found.is_null() || found == FieldValue(value)) return;
  fail(name,
       std::string("only ") + (value ? "true" : "false") + " is supported, found " + shown(found));
}

void Fields::only(std::string_view name, int64_t value) {
  const FieldValue& found = state_->member(name);
  if (found.is_null() || found == FieldValue(value)) return;
  fail(name, "only " + std::to_string(value) + " is supported, found " + shown(found));
}

void Fields::fail(std::string_view name, std::string_view why) { state_->fail(name, why); }

Status Fields::finish() {
  for (const auto& [name, value] : state_->object.items()) {
    if (!value.is_null() && !state_->read.contains(name)) {
      std::string shown_name = FieldValue(name).dump(-1, ' ', true);
      state_->fail(shown_name.substr(1, shown_name.size() - 2), "this field is not supported");
    }
  }
  return state_->status;
}

}  // namespace lanewise::serve
