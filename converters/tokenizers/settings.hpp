#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "lanewise/status.hpp"

namespace lanewise::converters {

/// tokenizer_config.json as far as a class of tokenizer needs it. kDataLoss names a field of the
/// wrong type.
class TokenizerSettings {
 public:
  /// Empty text is a file without fields.
  static Result<TokenizerSettings> parse(std::string_view text);

  /// From 0 to `most`.
  Result<int32_t> count_or(const char* field, int32_t fallback, int32_t most) const;
  Result<bool> boolean_or(const char* field, bool fallback) const;
  /// A special token: a string, or an object with `content`. `fallback` where there is none or
  /// null.
  Result<std::string> token_or(const char* field, const std::string& fallback) const;
  /// Tokens in a list; empty without one.
  Result<std::vector<std::string>> tokens(const char* field) const;
  bool is_null(const char* field) const;

 private:
  nlohmann::json json_ = nlohmann::json::object();
};

}  // namespace lanewise::converters
