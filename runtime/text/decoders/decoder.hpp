#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_fields.hpp"
#include "lanewise/status.hpp"

namespace lanewise::text {

/// A step from tokens to text: it changes, joins or splits tokens; the last result is concatenated.
/// Thread-safe.
class Decoder {
 public:
  virtual ~Decoder();
  virtual Status decode(std::vector<std::string>* tokens) const = 0;
};

using DecoderPtr = std::unique_ptr<const Decoder>;

/// `text` with every `from` replaced by `to`.
std::string replaced(std::string_view text, std::string_view from, std::string_view to);

/// Reads the decoder of a tokenizer.json. kUnsupported names a type that we lack.
Result<DecoderPtr> read_decoder(const base::JsonFields& fields);

}  // namespace lanewise::text
