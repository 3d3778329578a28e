#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/json_fields.hpp"
#include "lanewise/status.hpp"

namespace lanewise::text {

/// A step from tokens to text: it changes, joins or parts them; in the end all are put together.
/// Thread-safe.
class Decoder {
 public:
  virtual ~Decoder();
  virtual Status decode(std::vector<std::string>* tokens) const = 0;
};

using DecoderPtr = std::unique_ptr<const Decoder>;

/// The decoder of a tokenizer.json. kUnsupported names a type that we lack.
Result<DecoderPtr> read_decoder(const base::JsonFields& fields);

}  // namespace lanewise::text
