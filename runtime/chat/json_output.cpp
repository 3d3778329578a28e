#include "runtime/chat/json_output.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "runtime/chat/limits.hpp"
#include "runtime/chat/printing.hpp"
#include "runtime/text/utf8.hpp"

namespace lanewise::chat {
namespace {

void append_unit(char32_t unit, std::string* out) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  *out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) *out += kDigits[(unit >> shift) & 15];
}

/// As UTF-16, which JSON's escapes are.
void append_units(char32_t c, std::string* out) {
  if (c < 0x10000) return append_unit(c, out);
  append_unit(0xD800 + ((c - 0x10000) >> 10), out);
  append_unit(0xDC00 + ((c - 0x10000) & 0x3FF), out);
}

/// The letter after the backslash of a short escape, 0 if there is none.
char short_escape(char32_t c) {
  switch (c) {
    case '"':
    case '\\':
      return static_cast<char>(c);
    case '\n':
      return 'n';
    case '\r':
      return 'r';
    case '\t':
      return 't';
    case '\f':
      return 'f';
    case '\b':
      return 'b';
    default:
      return 0;
  }
}

void append_string(std::string_view text, bool ensure_ascii, std::string* out) {
  *out += '"';
  for (size_t i = 0; i < text.size();) {
    const auto [c, bytes] = text::decode_at(text, i);
    const auto size = static_cast<size_t>(bytes);
    if (const char letter = short_escape(c)) {
      *out += '\\';
      *out += letter;
    } else if (c < 0x20 || (ensure_ascii && c >= 0x7F)) {
      append_units(c, out);
    } else {
      *out += text.substr(i, size);
    }
    i += size;
  }
  *out += '"';
}

std::string number_text(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
  return float_text(value);
}

class JsonWriter {
 public:
  JsonWriter(const JsonStyle& style, Store& store) : style_(style), store_(store) {}

  Status write(const Value& value, int depth);
  const std::string& text() const noexcept { return text_; }

 private:
  Status scalar(const Value& value);
  Status array(std::span<const Value> items, int depth);
  Status object(std::span<const Entry> entries, int depth);
  Status key(const Value& key);
  Status sort(std::vector<Entry>* entries) const;
  void separate(bool first, int depth);
  void new_line(int depth);

  const JsonStyle& style_;
  Store& store_;
  std::string text_;
};

Status JsonWriter::write(const Value& value, int depth) {
  LW_RETURN_IF_ERROR(store_.spend(1));
  if (depth > kMaxValueDepth) return resource_exhausted("a value nests too deep for tojson");
  if (text_.size() > kMaxOutputBytes) return resource_exhausted("a value is too long for tojson");
  if (value.is_array()) return array(value.items(), depth);
  if (value.is_dict()) return object(value.entries(), depth);
  return scalar(value);
}

Status JsonWriter::scalar(const Value& value) {
  switch (value.kind()) {
    case ValueKind::kNone:
      text_ += "null";
      return {};
    case ValueKind::kBoolean:
      text_ += value.boolean() ? "true" : "false";
      return {};
    case ValueKind::kInteger:
      text_ += std::to_string(value.integer());
      return {};
    case ValueKind::kFloat:
      text_ += number_text(value.real());
      return {};
    case ValueKind::kString:
      LW_RETURN_IF_ERROR(store_.spend_text(value.text().size()));
      append_string(value.text(), style_.ensure_ascii, &text_);
      return {};
    case ValueKind::kUndefined:
      return invalid_argument("tojson: " + std::string(value.text()));
    default:
      return invalid_argument("tojson: " + found_text(value) + " has no form in JSON");
  }
}

void JsonWriter::new_line(int depth) {
  text_ += '\n';
  for (int i = 0; i < depth; ++i) text_ += *style_.indent;
}

void JsonWriter::separate(bool first, int depth) {
  if (!first) text_ += style_.item_separator;
  if (style_.indent) new_line(depth + 1);
}

Status JsonWriter::array(std::span<const Value> items, int depth) {
  text_ += '[';
  bool first = true;
  for (const Value& item : items) {
    separate(std::exchange(first, false), depth);
    LW_RETURN_IF_ERROR(write(item, depth + 1));
  }
  if (style_.indent && !items.empty()) new_line(depth);
  text_ += ']';
  return {};
}

Status JsonWriter::object(std::span<const Entry> entries, int depth) {
  std::vector<Entry> members(entries.begin(), entries.end());
  if (style_.sort_keys) LW_RETURN_IF_ERROR(sort(&members));
  text_ += '{';
  bool first = true;
  for (const Entry& member : members) {
    separate(std::exchange(first, false), depth);
    LW_RETURN_IF_ERROR(key(member.key));
    text_ += style_.key_separator;
    LW_RETURN_IF_ERROR(write(member.value, depth + 1));
  }
  if (style_.indent && !members.empty()) new_line(depth);
  text_ += '}';
  return {};
}

Status JsonWriter::sort(std::vector<Entry>* entries) const {
  for (const Entry& entry : *entries) {
    if (!entry.key.is_string() && entries->size() > 1) {
      return unsupported("tojson sorts only keys that are strings, not " + found_text(entry.key));
    }
  }
  std::ranges::stable_sort(*entries, {}, [](const Entry& entry) {
    return entry.key.is_string() ? entry.key.text() : std::string_view();
  });
  return {};
}

Status JsonWriter::key(const Value& key) {
  if (key.is_string()) return scalar(key);
  if (!key.is_number() && !key.is_none()) {
    return invalid_argument("tojson: a key is " + found_text(key) + ", not a string");
  }
  text_ += '"';
  LW_RETURN_IF_ERROR(scalar(key));
  text_ += '"';
  return {};
}

}  // namespace

Result<Value> json_of(const Value& value, const JsonStyle& style, Store& store) {
  JsonWriter writer(style, store);
  LW_RETURN_IF_ERROR(writer.write(value, 0));
  return store.string(writer.text());
}

}  // namespace lanewise::chat
