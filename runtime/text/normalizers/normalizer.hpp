#pragma once

#include <memory>

#include "base/json_fields.hpp"
#include "lanewise/status.hpp"
#include "runtime/text/normalized_text.hpp"

namespace lanewise::text {

/// A step from the caller's text to the text that is tokenized. Thread-safe.
class Normalizer {
 public:
  virtual ~Normalizer();
  /// Replaces `text` by its normal form. Fails only if a regular expression exceeds its limits.
  virtual Status normalize(NormalizedText* text) const = 0;
};

using NormalizerPtr = std::unique_ptr<const Normalizer>;

/// Reads the normalizer of a tokenizer.json. kUnsupported names a type that we lack.
Result<NormalizerPtr> read_normalizer(const base::JsonFields& fields);

}  // namespace lanewise::text
