#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "lanewise/status.hpp"

namespace lanewise::base {

/// Typed reading of one JSON object of a file that we do not trust.
///
/// A field of the wrong type is kDataLoss with a message that names it: "model.unk_token: expected
/// a string, found a number". The object outlives this.
class JsonFields {
 public:
  using Json = nlohmann::json;

  /// `name` says where the object stands, "model" for instance; empty for the whole file.
  /// kDataLoss if `value` is no object.
  static Result<JsonFields> of(const Json& value, std::string name);

  /// The field, or null if it is missing or JSON null.
  const Json* find(const char* key) const;

  /// The field as an object; kDataLoss if it is missing.
  Result<JsonFields> object(const char* key) const;
  /// The field as an array; kDataLoss if it is missing.
  Result<const Json*> array(const char* key) const;

  Result<std::string> string(const char* key) const;
  Result<std::string> string_or(const char* key, std::string_view fallback) const;
  Result<bool> boolean_or(const char* key, bool fallback) const;
  /// Nothing if the field is missing or null.
  Result<std::optional<bool>> optional_boolean(const char* key) const;
  /// A number from 0 to 2^31 - 1.
  Result<int32_t> count(const char* key) const;
  Result<int32_t> count_or(const char* key, int32_t fallback) const;

  const Json& json() const noexcept { return *value_; }
  const std::string& name() const noexcept { return name_; }
  /// The full name of a field of this object.
  std::string path(std::string_view key) const;

 private:
  JsonFields(const Json* value, std::string name) : value_(value), name_(std::move(name)) {}

  const Json* value_;
  std::string name_;
};

/// kDataLoss: "`name`: expected `expected`, found <the type of value>".
Status wrong_type(const std::string& name, std::string_view expected, const nlohmann::json* value);

/// `value` as a number from 0 to 2^31 - 1, or kDataLoss naming `name`.
Result<int32_t> count_of(const nlohmann::json& value, const std::string& name);

}  // namespace lanewise::base
