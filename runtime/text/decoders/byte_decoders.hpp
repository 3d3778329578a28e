#pragma once

#include <optional>
#include <string_view>

#include "runtime/text/decoders/decoder.hpp"

namespace lanewise::text {

/// The byte that a token such as <0x0A> stands for.
std::optional<uint8_t> byte_of_token(std::string_view token) noexcept;

/// Maps byte-level characters to their bytes and joins all tokens.
Result<DecoderPtr> read_byte_level_decoder(const base::JsonFields& fields);
/// Turns runs of tokens such as <0x0A> into characters; U+FFFD for each token of a run that is not
/// UTF-8.
Result<DecoderPtr> read_byte_fallback_decoder(const base::JsonFields& fields);

/// Joins bytes given as tokens of one character below U+0100; drops malformed UTF-8. Our own type,
/// for ByT5.
Result<DecoderPtr> read_bytes_decoder(const base::JsonFields& fields);

}  // namespace lanewise::text
