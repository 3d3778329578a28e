#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "lanewise/status.hpp"

namespace lanewise::base {

/// Typed access to one object of an untrusted JSON file.
///
/// A getter fails if the field is missing or null, or has a wrong type or range: "model.unk_token:
/// expected a string, found 3". One whose name ends in _or returns its fallback for a field that is
/// missing or null. The document outlives this.
class JsonFields {
 public:
  /// An object, called `name` in messages; "" for the root of a file. kDataLoss if it is not an
  /// object.
  static Result<JsonFields> of(const JsonValue& value, std::string name);
  /// The root of a file from another program, whose name begins every message: "'config.json':
  /// 'd_model': expected ...".
  ///
  /// code  of the failures of getters, for this object and those in it
  static Result<JsonFields> of_file(const JsonValue& root, std::string label,
                                    StatusCode code = StatusCode::kDataLoss);

  /// The field, or null if it is missing or JSON null.
  const JsonValue* find(std::string_view key) const noexcept;
  bool has(std::string_view key) const noexcept { return find(key) != nullptr; }

  Result<JsonFields> object(std::string_view key) const;
  /// An empty object if the field is missing or null.
  Result<JsonFields> object_or_empty(std::string_view key) const;
  Result<std::span<const JsonValue>> array(std::string_view key) const;
  /// An array of objects, the first of them named `key[0]`.
  Result<std::vector<JsonFields>> objects(std::string_view key) const;

  Result<std::string> string(std::string_view key) const;
  Result<std::string> string_or(std::string_view key, std::string_view fallback) const;
  Result<bool> boolean(std::string_view key) const;
  Result<bool> boolean_or(std::string_view key, bool fallback) const;
  /// Nothing if the field is missing or null.
  Result<std::optional<bool>> optional_boolean(std::string_view key) const;

  /// An integer from `min` to `max`.
  Result<int64_t> integer(std::string_view key, int64_t min, int64_t max) const;
  Result<int64_t> integer_or(std::string_view key, int64_t fallback, int64_t min,
                             int64_t max) const;
  /// An integer from 0 to `max`.
  Result<uint64_t> natural(std::string_view key, uint64_t max) const;
  /// An integer from 0 to 2^31 - 1.
  Result<int32_t> count(std::string_view key) const;
  Result<int32_t> count_or(std::string_view key, int32_t fallback) const;
  /// The same for a member of this object that was found already.
  Result<int32_t> count_of(const JsonMember& member) const;

  /// A number from `min` to `max`.
  Result<double> number(std::string_view key, double min = -std::numeric_limits<double>::max(),
                        double max = std::numeric_limits<double>::max()) const;
  Result<double> number_or(std::string_view key, double fallback, double min, double max) const;

  /// The index in `names` of the field's value. Fails with `unknown` for a string that is not in
  /// it.
  Result<size_t> choice(std::string_view key, std::span<const std::string_view> names,
                        StatusCode unknown = StatusCode::kUnsupported) const;

  Result<std::vector<std::string>> strings(std::string_view key) const;
  Result<std::vector<int32_t>> integers(std::string_view key, int32_t min, int32_t max) const;
  Result<std::vector<std::vector<int32_t>>> integer_lists(std::string_view key, int32_t min,
                                                          int32_t max) const;
  Result<std::map<std::string, std::string>> string_map(std::string_view key) const;
  Result<std::map<std::string, std::vector<int32_t>>> integer_map(std::string_view key, int32_t min,
                                                                  int32_t max) const;

  /// Fails, naming it, if there is a member that is not in `known`: it may have a meaning in a
  /// newer version that this build would silently ignore.
  Status check_members(std::span<const std::string_view> known) const;

  /// "`field`: expected `expected`, found ...".
  Status wrong(std::string_view key, std::string_view expected) const;

  const JsonValue& value() const noexcept { return *value_; }
  const std::string& name() const noexcept { return name_; }
  std::span<const JsonMember> members() const noexcept { return value_->members(); }
  /// The full name of a field of this object. Keys may come from the file.
  std::string path(std::string_view key) const;

 private:
  JsonFields(const JsonValue* value, std::string name, bool is_file, StatusCode code)
      : value_(value), name_(std::move(name)), is_file_(is_file), code_(code) {}

  Status wrong_element(std::string_view key, std::string_view expected,
                       const JsonValue& element) const;

  const JsonValue* value_;
  std::string name_;
  bool is_file_;  // or within one: paths are 'a': 'b', not a.b
  StatusCode code_;
};

/// "`where`: expected `expected`, found `value`"; for the root of a file `where` may be empty.
Status wrong_type(std::string_view where, std::string_view expected, const JsonValue* value,
                  StatusCode code = StatusCode::kDataLoss);

/// `value` as an integer from 0 to 2^31 - 1, or kDataLoss naming `where`.
Result<int32_t> count_of(const JsonValue& value, std::string_view where);

/// `value` as an array of strings.
Result<std::vector<std::string>> strings_of(const JsonValue& value, std::string_view where,
                                            StatusCode code = StatusCode::kDataLoss);

}  // namespace lanewise::base
