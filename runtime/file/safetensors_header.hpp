#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lanewise/status.hpp"
#include "runtime/file/safetensors.hpp"

namespace lanewise::file {

/// What a header says, in its own order; nothing about it is checked except its form.
struct SafetensorsHeader {
  Metadata metadata;
  std::vector<TensorEntry> tensors;
};

/// Reads the JSON of a header. Linear in its length; the stack does not grow with its nesting.
/// Fails with kDataLoss.
Result<SafetensorsHeader> parse_safetensors_header(std::string_view json);

/// Writes the JSON: metadata first, then tensors in name order, both without any white space.
/// Fails with kInvalidArgument if a text is not UTF-8.
Result<std::string> format_safetensors_header(const Metadata& metadata,
                                              std::span<const TensorEntry> tensors);

}  // namespace lanewise::file
