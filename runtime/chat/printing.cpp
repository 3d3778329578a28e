#include "runtime/chat/printing.hpp"

#include <array>
#include <charconv>
#include <cmath>

#include "base/messages.hpp"
#include "runtime/chat/limits.hpp"
#include "runtime/chat/unicode.hpp"
#include "runtime/text/utf8.hpp"

namespace lanewise::chat {
namespace {

void append_hex(char32_t value, int digits, std::string* out) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (int i = digits - 1; i >= 0; --i) *out += kDigits[(value >> (4 * i)) & 15];
}

void append_escape(char32_t c, std::string* out) {
  if (c < 0x100) {
    append_hex(c, 2, &out->append("\\x"));
  } else if (c < 0x10000) {
    append_hex(c, 4, &out->append("\\u"));
  } else {
    append_hex(c, 8, &out->append("\\U"));
  }
}

/// repr() of a string.
void append_quoted(std::string_view text, std::string* out) {
  const bool has_single = text.find('\'') != text.npos;
  const char quote = has_single && text.find('"') == text.npos ? '"' : '\'';
  *out += quote;
  for (size_t i = 0; i < text.size();) {
    const auto [c, bytes] = text::decode_at(text, i);
    const auto size = static_cast<size_t>(bytes);
    if (c == static_cast<char32_t>(quote) || c == '\\') {
      out->append("\\").append(text.substr(i, size));
    } else if (c == '\n') {
      *out += "\\n";
    } else if (c == '\r') {
      *out += "\\r";
    } else if (c == '\t') {
      *out += "\\t";
    } else if (is_printable(c)) {
      *out += text.substr(i, size);
    } else {
      append_escape(c, out);
    }
    i += size;
  }
  *out += quote;
}

/// Prints one value with what is in it.
class Printer {
 public:
  explicit Printer(Store& store) : store_(store) {}

  Status print(const Value& value, int depth);
  const std::string& text() const noexcept { return text_; }

 private:
  Status scalar(const Value& value);
  Status items(const char* begin, std::span<const Value> values, const char* end, int depth);
  Status entries(std::span<const Entry> entries, int depth);
  Status view(const Value& view, int depth);
  Status range(const Range& range);
  Status names(const Namespace& names, int depth);

  Store& store_;
  std::string text_;
};

Status Printer::print(const Value& value, int depth) {
  LW_RETURN_IF_ERROR(store_.spend(1));
  if (depth > kMaxValueDepth) return resource_exhausted("a value nests too deep to be printed");
  if (text_.size() > kMaxOutputBytes) return resource_exhausted("a value is too long as text");
  switch (value.kind()) {
    case ValueKind::kList:
      return items("[", value.items(), "]", depth);
    case ValueKind::kTuple:
      return items("(", value.items(), value.items().size() == 1 ? ",)" : ")", depth);
    case ValueKind::kDict:
      return entries(value.entries(), depth);
    case ValueKind::kDictItems:
    case ValueKind::kDictKeys:
    case ValueKind::kDictValues:
      return view(value, depth);
    case ValueKind::kRange:
      return range(value.range());
    case ValueKind::kNamespace:
      return names(value.name_space(), depth);
    default:
      return scalar(value);
  }
}

Status Printer::scalar(const Value& value) {
  switch (value.kind()) {
    case ValueKind::kUndefined:
      text_ += "Undefined";
      return {};
    case ValueKind::kNone:
      text_ += "None";
      return {};
    case ValueKind::kBoolean:
      text_ += value.boolean() ? "True" : "False";
      return {};
    case ValueKind::kInteger:
      text_ += std::to_string(value.integer());
      return {};
    case ValueKind::kFloat:
      text_ += float_text(value.real());
      return {};
    case ValueKind::kString:
      LW_RETURN_IF_ERROR(store_.spend_text(value.text().size()));
      append_quoted(value.text(), &text_);
      return {};
    default:
      return unsupported("a " + std::string(type_name(value)) + " cannot be printed");
  }
}

Status Printer::items(const char* begin, std::span<const Value> values, const char* end,
                      int depth) {
  const char* separator = begin;
  for (const Value& value : values) {
    text_ += separator;
    separator = ", ";
    LW_RETURN_IF_ERROR(print(value, depth + 1));
  }
  if (values.empty()) text_ += begin;
  text_ += end;
  return {};
}

Status Printer::entries(std::span<const Entry> entries, int depth) {
  const char* separator = "{";
  for (const Entry& entry : entries) {
    text_ += separator;
    separator = ", ";
    LW_RETURN_IF_ERROR(print(entry.key, depth + 1));
    text_ += ": ";
    LW_RETURN_IF_ERROR(print(entry.value, depth + 1));
  }
  text_ += entries.empty() ? "{}" : "}";
  return {};
}

Status Printer::view(const Value& view, int depth) {
  text_.append(type_name(view)).append("([");
  const char* separator = "";
  for (const Entry& entry : view.entries()) {
    text_ += separator;
    separator = ", ";
    const Value pair[] = {entry.key, entry.value};
    if (view.is(ValueKind::kDictItems)) {
      LW_RETURN_IF_ERROR(items("(", pair, ")", depth + 1));
    } else {
      LW_RETURN_IF_ERROR(print(view.is(ValueKind::kDictKeys) ? entry.key : entry.value, depth + 1));
    }
  }
  text_ += "])";
  return {};
}

Status Printer::range(const Range& range) {
  text_ += "range(" + std::to_string(range.start) + ", " + std::to_string(range.stop);
  if (range.step != 1) text_ += ", " + std::to_string(range.step);
  text_ += ")";
  return {};
}

Status Printer::names(const Namespace& names, int depth) {
  text_ += "<Namespace ";
  const char* separator = "{";
  for (const Variable* name = names.first; name != nullptr; name = name->next) {
    text_ += separator;
    separator = ", ";
    append_quoted(name->name, &text_);
    text_ += ": ";
    LW_RETURN_IF_ERROR(print(name->value, depth + 1));
  }
  text_ += names.first == nullptr ? "{}>" : "}>";
  return {};
}

}  // namespace

std::string float_text(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  std::array<char, 400> buffer;
  // Python writes an exponent below 1e-4 and from 1e16.
  const double size = std::abs(value);
  const bool has_exponent = size != 0 && (size < 1e-4 || size >= 1e16);
  const auto format = has_exponent ? std::chars_format::scientific : std::chars_format::fixed;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, format).ptr;
  std::string text(buffer.data(), end);
  if (!has_exponent && text.find('.') == text.npos) text += ".0";
  return text;
}

Result<Value> text_of(const Value& value, Store& store) {
  if (value.is_string()) return value;
  if (value.is_undefined()) return Value::string("");
  Printer printer(store);
  LW_RETURN_IF_ERROR(printer.print(value, 0));
  return store.string(printer.text());
}

std::string found_text(const Value& value) {
  if (value.is_string()) return base::in_quotes(value.text());
  if (value.is_none()) return "none";
  if (value.is(ValueKind::kInteger)) return std::to_string(value.integer());
  return "a value of type '" + std::string(type_name(value)) + "'";
}

}  // namespace lanewise::chat
