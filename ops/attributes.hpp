#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <variant>

#include "lanewise/status.hpp"

namespace lanewise::ops {

using Attribute = std::variant<bool, int64_t, double, std::string>;

/// The parameters of an operator besides its operands: `eps`, `heads`, `activation`, ...
///
/// Attributes come from model files, so every access checks them: a missing name gives the default,
/// a value of another type is kInvalidArgument, and the message names the attribute.
class Attributes {
 public:
  Attributes() = default;
  Attributes(std::initializer_list<std::pair<const std::string, Attribute>> values)
      : values_(values) {}

  void set(std::string name, Attribute value) { values_[std::move(name)] = std::move(value); }
  void erase(const std::string& name) { values_.erase(name); }
  bool has(std::string_view name) const { return values_.find(name) != values_.end(); }

  Result<bool> get_bool(std::string_view name, bool fallback) const;
  Result<int64_t> get_int(std::string_view name, int64_t fallback) const;
  /// Also accepts an integer.
  Result<double> get_double(std::string_view name, double fallback) const;
  Result<std::string> get_string(std::string_view name, std::string_view fallback) const;

  /// Fails, naming the first attribute that is not in `known`: it may come from a newer version,
  /// and ignoring it would give wrong results.
  Status expect_only(std::initializer_list<std::string_view> known) const;

  auto begin() const { return values_.begin(); }
  auto end() const { return values_.end(); }

  bool operator==(const Attributes&) const = default;

 private:
  std::map<std::string, Attribute, std::less<>> values_;
};

}  // namespace lanewise::ops
