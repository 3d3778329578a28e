#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "converters/formats/gguf_view.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// Typed access to those entries of a GGUF's metadata whose keys begin with a prefix, such as
/// `llama.` or `tokenizer.ggml.`. Names lack the prefix; messages have it.
///
/// A getter fails with kDataLoss if the entry is missing, or has a wrong type or range; one whose
/// name ends in _or returns its fallback for a missing entry. The view outlives this.
class GgufFields {
 public:
  GgufFields(const GgufView& view, std::string prefix) : view_(view), prefix_(std::move(prefix)) {}

  /// Null if there is none.
  const GgufValue* find(std::string_view name) const;
  bool has(std::string_view name) const { return find(name) != nullptr; }

  /// From `min` to `max`. An array with a number for each layer counts as one number if all are
  /// equal, and is kUnsupported otherwise.
  Result<int64_t> integer(std::string_view name, int64_t min, int64_t max) const;
  Result<int64_t> integer_or(std::string_view name, int64_t fallback, int64_t min,
                             int64_t max) const;
  /// Any finite number from `min` to `max`.
  Result<double> number(std::string_view name, double min, double max) const;
  Result<double> number_or(std::string_view name, double fallback, double min, double max) const;
  Result<bool> boolean_or(std::string_view name, bool fallback) const;
  /// UTF-8.
  Result<std::string> text(std::string_view name) const;
  Result<std::string> text_or(std::string_view name, std::string_view fallback) const;
  Result<std::vector<std::string_view>> strings(std::string_view name) const;
  Result<std::vector<double>> numbers(std::string_view name) const;

  /// The keys that no getter was asked for, as in the file.
  std::vector<std::string_view> unread() const;

  std::string key(std::string_view name) const { return prefix_ + std::string(name); }
  /// kDataLoss: `metadata 'KEY': expected EXPECTED, found TYPE`, or that it is missing.
  Status wrong(std::string_view name, std::string_view expected) const;
  /// kUnsupported: `metadata 'KEY': WHAT is not supported`.
  Status refused(std::string_view name, std::string_view what) const;

 private:
  const GgufView& view_;
  std::string prefix_;
  mutable std::set<std::string, std::less<>> asked_;  // keys
};

}  // namespace lanewise::converters
