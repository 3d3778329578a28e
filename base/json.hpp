#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lanewise/status.hpp"

namespace lanewise::base {

struct JsonMember;

/// A value of a JsonDocument, which owns its data. Immutable and thread-safe.
///
/// An accessor of a type may be called only on a value of that type, unless it documents a result
/// for others.
class JsonValue {
 public:
  enum class Type : uint8_t {
    kNull,
    kBoolean,
    kInteger,   ///< fits int64_t
    kUnsigned,  ///< an integer from 2^63 to 2^64 - 1
    kFloat,     ///< any other number
    kString,
    kArray,
    kObject,
  };

  JsonValue() noexcept : integer_(0) {}
  /// An object without members.
  static const JsonValue& empty_object() noexcept;

  Type type() const noexcept { return type_; }
  bool is_null() const noexcept { return type_ == Type::kNull; }
  bool is_boolean() const noexcept { return type_ == Type::kBoolean; }
  bool is_number() const noexcept { return type_ >= Type::kInteger && type_ <= Type::kFloat; }
  bool is_string() const noexcept { return type_ == Type::kString; }
  bool is_array() const noexcept { return type_ == Type::kArray; }
  bool is_object() const noexcept { return type_ == Type::kObject; }

  bool boolean() const noexcept { return boolean_; }
  /// Any number, rounded to double.
  double number() const noexcept;
  /// Nothing unless this is an integer in range.
  std::optional<int64_t> integer() const noexcept;
  std::optional<uint64_t> natural() const noexcept;

  std::string_view string() const noexcept { return {text_, size_}; }
  /// Whether this is a string and equal to `text`.
  bool is(std::string_view text) const noexcept { return is_string() && string() == text; }

  /// Empty unless this is an array.
  std::span<const JsonValue> elements() const noexcept;
  /// In alphabetical order of their bytes (parse_json_in_order: of the text), no name twice: of
  /// members with one name the last one counts. None unless this is an object.
  std::span<const JsonMember> members() const noexcept;
  /// Null if this is no object, or has no member of this name. Logarithmic; linear where members
  /// are in the order of the text.
  const JsonValue* find(std::string_view name) const noexcept;

 private:
  friend class JsonBuilder;

  Type type_ = Type::kNull;
  bool sorted_ = true;  // an object's members are
  uint32_t size_ = 0;   // of a string, an array or an object
  union {
    bool boolean_;
    int64_t integer_;
    uint64_t unsigned_;
    double float_;
    const char* text_;
    const JsonValue* elements_;
    const JsonMember* members_;
  };
};

struct JsonMember {
  std::string_view name;
  JsonValue value;
};

/// A parsed JSON text. Its values lie in a few blocks of memory, so that destroying it neither
/// recurses nor allocates. (Destroying a nlohmann::json does both, and ends the process where there
/// is no memory left. Of nlohmann-json the library takes the parser alone.)
class JsonDocument {
 public:
  const JsonValue& root() const noexcept { return root_; }

 private:
  friend class JsonBuilder;

  std::vector<std::unique_ptr<std::byte[]>> blocks_;
  JsonValue root_;
};

/// Parses an untrusted JSON text.
///
/// Fails with kDataLoss if it is longer than `max_bytes` (at most 2^32 - 1; parsing takes up to
/// sixteen times the size of the text); if it nests deeper than any file of ours or of Hugging
/// Face, so that callers may recurse; or, naming the byte, if it is not JSON: a byte-order mark or
/// a number beyond the range of double is an error. Linear, except for sorting members.
Result<JsonDocument> parse_json(std::string_view text, size_t max_bytes);

/// The same with the members of each object in the order of the text, where the first of one name
/// stands, as a Python dict has them: for what is shown or written again.
Result<JsonDocument> parse_json_in_order(std::string_view text, size_t max_bytes);

/// As parse_json for JSON that Python or an editor wrote: skips a byte-order mark and takes `NaN`,
/// `Infinity` and `-Infinity` for strings. A field that nobody reads then does no harm; whoever
/// wants a number finds none, and says what stands there.
Result<JsonDocument> parse_foreign_json(std::string_view text, size_t max_bytes);

/// A value for a message: a scalar as it stands there, a string in quotes, the rest by type;
/// "nothing" for null pointers.
std::string found_text(const JsonValue* value);

}  // namespace lanewise::base
