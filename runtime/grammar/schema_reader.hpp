#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "lanewise/status.hpp"
#include "runtime/grammar/number_range.hpp"

namespace lanewise::grammar {

/// A schema within a document, and its place there: `#/properties/a`.
struct Schema {
  const base::JsonValue* value = nullptr;
  std::string place;

  /// The schema in a member of this one; `key` need not be there.
  Schema member(std::string_view key) const;
  Schema element(std::string_view key, size_t index) const;

  const base::JsonValue* find(std::string_view key) const { return value->find(key); }
  bool has(std::string_view key) const { return find(key) != nullptr; }
  /// Whether every value satisfies it: `true`, or nothing but annotations.
  bool allows_all() const;

  Status wrong(std::string_view what) const;
  Status lacking(std::string_view what) const;

  // Values of keywords; nothing if they are missing.
  Result<std::optional<int64_t>> count(std::string_view key) const;
  Result<std::optional<std::string_view>> string(std::string_view key) const;
  Result<std::optional<NumberBound>> lower_bound() const;
  Result<std::optional<NumberBound>> upper_bound() const;
  Result<std::vector<std::string>> required() const;

 private:
  Result<std::optional<NumberBound>> bound(std::string_view key, std::string_view excluded_key,
                                           double sign) const;
};

/// A schema without restrictions, at the place of `within`.
Schema anything(const Schema& within);

/// The kinds of value that a schema allows.
enum Kind : uint32_t {
  kObject = 1,
  kArray = 2,
  kString = 4,
  kNumber = 8,
  kInteger = 16,
  kBoolean = 32,
  kNull = 64,
};

/// Checks that `schema` is a boolean or an object without unknown keywords.
Status check_keywords(const Schema& schema);
/// Fails with kUnsupported if there is a keyword that restricts values and is not in `known`, named
/// as standing beside `keyword`.
Status check_alone(const Schema& schema, std::string_view keyword,
                   std::initializer_list<std::string_view> known);
/// The kinds of `type`, or those that the keywords are about.
Result<uint32_t> kinds_of(const Schema& schema);
/// The kind of a JSON value. An integer is of kind kInteger and kNumber.
uint32_t kinds_of_value(const base::JsonValue& value) noexcept;

/// The schema that a reference such as `#/$defs/a` names. Fails with kUnsupported for those to
/// other documents, with kInvalidArgument if there is none.
Result<Schema> resolve(const base::JsonValue& root, const Schema& from, std::string_view reference);

}  // namespace lanewise::grammar
