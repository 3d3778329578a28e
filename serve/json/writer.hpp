#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace lanewise::serve {

/// Appends `text` as a JSON string. Bytes that are not UTF-8 become U+FFFD.
void append_json_string(std::string& json, std::string_view text);

/// Writes JSON text value by value, with commas where they belong:
///
///   JsonWriter json;
///   json.begin_object().key("index").integer(0).key("score").number(0.5F).end_object();
///   std::string text = json.take();
///
/// Not thread-safe.
class JsonWriter {
 public:
  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  JsonWriter& key(std::string_view name);

  JsonWriter& string(std::string_view text);
  JsonWriter& integer(int64_t value);
  /// The shortest decimal that reads back as the same number; null if it is not finite.
  JsonWriter& number(float value);
  JsonWriter& number(double value);
  JsonWriter& boolean(bool value) { return raw(value ? "true" : "false"); }
  JsonWriter& null() { return raw("null"); }
  /// [a, b, ...]
  JsonWriter& numbers(std::span<const float> values);
  /// A value that is JSON text already.
  JsonWriter& raw(std::string_view json);

  std::string take() { return std::move(text_); }

 private:
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket);
  void separate();

  std::string text_;
};

}  // namespace lanewise::serve
