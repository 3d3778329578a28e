#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_fields.hpp"
#include "lanewise/status.hpp"

namespace lanewise::text {

/// One token on its way to bytes.
struct TokenBytes {
  std::string bytes;
  bool first = false;  ///< whether it begins the text
  bool fused = false;  ///< whether an earlier step has joined all tokens to one
};

/// A step from tokens to text: it changes, joins or splits tokens; the last result is concatenated.
/// Thread-safe.
class Decoder {
 public:
  virtual ~Decoder();
  virtual Status decode(std::vector<std::string>* tokens) const = 0;
  /// What decode() does to one token among others, except that bytes need not be characters: the
  /// text of all tokens is that of their joined bytes. kUnsupported if it depends on the others.
  virtual Status decode_one(TokenBytes* token) const = 0;
};

using DecoderPtr = std::unique_ptr<const Decoder>;

/// `text` with every `from` replaced by `to`.
std::string replaced(std::string_view text, std::string_view from, std::string_view to);

/// The failure of decode_one() for a decoder that needs the neighbours of a token.
Status needs_neighbours(std::string_view decoder);

/// Reads the decoder of a tokenizer.json. kUnsupported names a type that we lack.
Result<DecoderPtr> read_decoder(const base::JsonFields& fields);

}  // namespace lanewise::text
