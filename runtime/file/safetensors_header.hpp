#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lanewise/status.hpp"
#include "runtime/file/safetensors.hpp"

namespace lanewise::file {

/// The contents of a header in its own order. Only its form has been checked.
struct SafetensorsHeader {
  Metadata metadata;
  std::vector<TensorEntry> tensors;
};

/// Parses the JSON of a header in time linear in its length, without recursion.
/// Fails with kDataLoss.
Result<SafetensorsHeader> parse_safetensors_header(std::string_view json);

/// Writes the JSON: metadata first, then tensors sorted by name, without white space. Fails with
/// kInvalidArgument if a string is not UTF-8.
Result<std::string> format_safetensors_header(const Metadata& metadata,
                                              std::span<const TensorEntry> tensors);

}  // namespace lanewise::file
