#include "base/json.hpp"

#include <algorithm>
#include <cstring>
#include <deque>
#include <limits>
#include <nlohmann/json.hpp>
#include <type_traits>

#include "base/json_text.hpp"
#include "base/messages.hpp"
#include "base/status_macros.hpp"

namespace lanewise::base {

using Json = nlohmann::json;

const JsonValue& JsonValue::empty_object() noexcept {
  static const JsonValue object = [] {
    JsonValue value;
    value.type_ = Type::kObject;
    value.members_ = nullptr;
    return value;
  }();
  return object;
}

double JsonValue::number() const noexcept {
  if (type_ == Type::kFloat) return float_;
  return type_ == Type::kUnsigned ? static_cast<double>(unsigned_) : static_cast<double>(integer_);
}

std::optional<int64_t> JsonValue::integer() const noexcept {
  if (type_ != Type::kInteger) return std::nullopt;
  return integer_;
}

std::optional<uint64_t> JsonValue::natural() const noexcept {
  if (type_ == Type::kUnsigned) return unsigned_;
  if (type_ != Type::kInteger || integer_ < 0) return std::nullopt;
  return static_cast<uint64_t>(integer_);
}

std::span<const JsonValue> JsonValue::elements() const noexcept {
  if (!is_array()) return {};
  return {elements_, size_};
}

std::span<const JsonMember> JsonValue::members() const noexcept {
  if (!is_object()) return {};
  return {members_, size_};
}

const JsonValue* JsonValue::find(std::string_view name) const noexcept {
  const std::span<const JsonMember> all = members();
  if (!sorted_) {
    const auto member = std::ranges::find(all, name, &JsonMember::name);
    return member == all.end() ? nullptr : &member->value;
  }
  const auto found = std::ranges::lower_bound(all, name, {}, &JsonMember::name);
  return found == all.end() || found->name != name ? nullptr : &found->value;
}

/// Receives the parser's events. Values stay on a stack until the enclosing array or object is
/// complete and stores them contiguously.
class JsonBuilder final : public nlohmann::json_sax<Json> {
 public:
  explicit JsonBuilder(bool sorts_members) : sorts_members_(sorts_members) {}

  JsonDocument take_document() {
    document_.root_ = values_.back();
    return std::move(document_);
  }
  Status take_failure() { return std::move(failure_); }

  bool null() override {
    add(JsonValue::Type::kNull);
    return true;
  }
  bool boolean(bool value) override {
    add(JsonValue::Type::kBoolean).boolean_ = value;
    return true;
  }
  bool number_integer(number_integer_t value) override {
    add(JsonValue::Type::kInteger).integer_ = value;
    return true;
  }
  bool number_unsigned(number_unsigned_t value) override {
    constexpr uint64_t kMax = std::numeric_limits<int64_t>::max();
    if (value <= kMax) return number_integer(static_cast<int64_t>(value));
    add(JsonValue::Type::kUnsigned).unsigned_ = value;
    return true;
  }
  bool number_float(number_float_t value, const string_t&) override {
    add(JsonValue::Type::kFloat).float_ = value;
    return true;
  }
  bool string(string_t& value) override {
    const std::string_view copy = keep(value);
    JsonValue& added = add(JsonValue::Type::kString);
    added.text_ = copy.data();
    added.size_ = static_cast<uint32_t>(copy.size());
    return true;
  }
  bool binary(binary_t&) override { return false; }  // JSON has none.

  bool start_object(std::size_t) override { return open(); }
  bool start_array(std::size_t) override { return open(); }
  bool key(string_t& name) override {
    names_.push_back(keep(name));
    return true;
  }

  bool end_array() override {
    const size_t count = close();
    JsonValue array;
    array.type_ = JsonValue::Type::kArray;
    array.size_ = static_cast<uint32_t>(count);
    auto* elements = make<JsonValue>(count);
    std::copy(values_.end() - static_cast<std::ptrdiff_t>(count), values_.end(), elements);
    array.elements_ = elements;
    return replace(count, array);
  }

  bool end_object() override {
    const size_t count = close();
    auto* members = make<JsonMember>(count);
    const size_t first_value = values_.size() - count;
    const size_t first_name = names_.size() - count;
    for (size_t i = 0; i < count; ++i) {
      members[i] = {names_[first_name + i], values_[first_value + i]};
    }
    names_.resize(first_name);
    JsonValue object;
    object.type_ = JsonValue::Type::kObject;
    object.sorted_ = sorts_members_;
    object.size_ = static_cast<uint32_t>(sorts_members_ ? sort({members, count})
                                                        : without_repeats({members, count}));
    object.members_ = members;
    return replace(count, object);
  }

  bool parse_error(std::size_t position, const std::string&,
                   const Json::exception& error) override {
    constexpr int kNumberOutOfRange = 406;
    failure_ = data_loss(error.id == kNumberOutOfRange
                             ? std::string("not JSON: a number is out of range")
                             : "not JSON: error at byte " + std::to_string(position));
    return false;
  }

 private:
  /// Pushes a new value on the stack.
  JsonValue& add(JsonValue::Type type) {
    values_.emplace_back().type_ = type;
    return values_.back();
  }

  bool open() {
    starts_.push_back(values_.size());
    return true;
  }

  /// The number of values in the array or object that ends.
  size_t close() {
    const size_t count = values_.size() - starts_.back();
    starts_.pop_back();
    return count;
  }

  bool replace(size_t count, const JsonValue& value) {
    values_.resize(values_.size() - count);
    values_.push_back(value);
    return true;
  }

  /// Sorts members by name, keeping the last one of each name; returns how many are left.
  static size_t sort(std::span<JsonMember> members) {
    const auto unordered =
        std::ranges::adjacent_find(members, std::greater_equal(), &JsonMember::name);
    if (unordered == members.end()) return members.size();
    std::ranges::stable_sort(members, {}, &JsonMember::name);
    size_t kept = 0;
    for (size_t i = 0; i < members.size(); ++i) {
      if (kept > 0 && members[kept - 1].name == members[i].name) --kept;
      members[kept++] = members[i];
    }
    return kept;
  }

  /// Leaves the first member of each name, with the value of the last; returns how many are left.
  static size_t without_repeats(std::span<JsonMember> members) {
    std::vector<JsonMember*> by_name;
    by_name.reserve(members.size());
    for (JsonMember& member : members) by_name.push_back(&member);
    std::ranges::stable_sort(by_name, {}, [](const JsonMember* member) { return member->name; });
    std::vector<bool> repeats(members.size());
    JsonMember* first = nullptr;
    for (JsonMember* member : by_name) {
      if (first == nullptr || first->name != member->name) {
        first = member;
      } else {
        first->value = member->value;
        repeats[static_cast<size_t>(member - members.data())] = true;
      }
    }
    size_t kept = 0;
    for (size_t i = 0; i < members.size(); ++i) {
      if (!repeats[i]) members[kept++] = members[i];
    }
    return kept;
  }

  std::string_view keep(std::string_view text) {
    auto* copy = static_cast<char*>(allocate(text.size(), 1));
    if (!text.empty()) std::memcpy(copy, text.data(), text.size());
    return {copy, text.size()};
  }

  template <typename T>
  T* make(size_t count) {
    static_assert(std::is_trivially_destructible_v<T>);
    auto* objects = static_cast<T*>(allocate(count * sizeof(T), alignof(T)));
    std::uninitialized_default_construct_n(objects, count);
    return objects;
  }

  /// Memory of the document. An allocation larger than a block gets its own.
  void* allocate(size_t bytes, size_t alignment) {
    const size_t padding = (alignment - used_ % alignment) % alignment;
    if (padding + bytes <= block_bytes_ - used_) {
      std::byte* begin = current_ + used_ + padding;
      used_ += padding + bytes;
      return begin;
    }
    const size_t next = std::clamp(2 * block_bytes_, kLeastBlockBytes, kMostBlockBytes);
    const bool own_block = bytes > next / 4;
    auto block = std::make_unique_for_overwrite<std::byte[]>(own_block ? bytes : next);
    std::byte* begin = block.get();
    document_.blocks_.push_back(std::move(block));
    if (!own_block) {
      current_ = begin;
      block_bytes_ = next;
      used_ = bytes;
    }
    return begin;
  }

  static constexpr size_t kLeastBlockBytes = size_t{1} << 10;
  static constexpr size_t kMostBlockBytes = size_t{64} << 10;

  bool sorts_members_;
  JsonDocument document_;
  std::byte* current_ = nullptr;  // the block being filled
  size_t block_bytes_ = 0;
  size_t used_ = 0;
  // Deques, since a growing vector takes three times its size.
  std::deque<JsonValue> values_;
  std::deque<std::string_view> names_;
  std::vector<size_t> starts_;
  Status failure_;
};

namespace {

constexpr int kMaxDepth = 64;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool nests_too_deep(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        in_string = false;
      }
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kMaxDepth) return true;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return false;
}

constexpr std::string_view kPythonNumbers[] = {"NaN", "Infinity", "-Infinity"};

bool is_word(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

/// The word of kPythonNumbers at the start of `rest`, or "".
std::string_view python_number(std::string_view rest) {
  for (const std::string_view word : kPythonNumbers) {
    if (rest.starts_with(word) && (rest.size() == word.size() || !is_word(rest[word.size()]))) {
      return word;
    }
  }
  return {};
}

/// The end, after its quote, of the string that begins at `begin`.
size_t end_of_string(std::string_view text, size_t begin) {
  for (size_t i = begin + 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      return i + 1;
    }
  }
  return text.size();
}

/// Quotes Python's special numbers. Linear.
std::string with_python_numbers_quoted(std::string_view text) {
  std::string standard;
  standard.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    size_t end = i + 1;
    std::string_view number;
    if (text[i] == '"') {
      end = end_of_string(text, i);
    } else if (text[i] == 'N' || text[i] == 'I' || text[i] == '-') {
      const bool inside_word = i > 0 && is_word(text[i - 1]);
      if (!inside_word) number = python_number(text.substr(i));
    }
    if (number.empty()) {
      standard.append(text.substr(i, end - i));
    } else {
      standard.append("\"").append(number).append("\"");
      end = i + number.size();
    }
    i = end;
  }
  return standard;
}

Result<JsonDocument> parse(std::string_view text, size_t max_bytes, bool sorts_members) {
  if (text.size() > max_bytes) {
    return data_loss("JSON of " + std::to_string(text.size()) + " bytes, at most " +
                     std::to_string(max_bytes) + " are read");
  }
  // nlohmann-json treats a zero byte as the end of the text, and skips a byte-order mark.
  const size_t zero = text.starts_with(kByteOrderMark) ? 0 : text.find('\0');
  if (zero != text.npos) return data_loss("not JSON: error at byte " + std::to_string(zero + 1));
  if (nests_too_deep(text)) {
    return data_loss("JSON nests deeper than " + std::to_string(kMaxDepth) + " levels");
  }
  JsonBuilder builder(sorts_members);
  if (!Json::sax_parse(text, &builder)) return builder.take_failure();
  return builder.take_document();
}

}  // namespace

Result<JsonDocument> parse_json(std::string_view text, size_t max_bytes) {
  return parse(text, max_bytes, true);
}

Result<JsonDocument> parse_json_in_order(std::string_view text, size_t max_bytes) {
  return parse(text, max_bytes, false);
}

Result<JsonDocument> parse_foreign_json(std::string_view text, size_t max_bytes) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  const bool plain = text.find("NaN") == text.npos && text.find("Infinity") == text.npos;
  if (plain || text.size() > max_bytes) return parse_json(text, max_bytes);
  const std::string standard = with_python_numbers_quoted(text);
  return parse_json(standard, standard.size());
}

std::string found_text(const JsonValue* value) {
  if (value == nullptr) return "nothing";
  if (value->is_string()) return in_quotes(value->string());
  if (value->is_array()) return "an array";
  if (value->is_object()) return "an object";
  return json_text(*value);
}

}  // namespace lanewise::base
