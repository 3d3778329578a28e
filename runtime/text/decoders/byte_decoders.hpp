#pragma once

#include <optional>
#include <string_view>

#include "runtime/text/decoders/decoder.hpp"

namespace lanewise::text {

/// The byte that a token such as <0x0A> stands for.
std::optional<uint8_t> byte_of_token(std::string_view token) noexcept;

/// Bytes for the characters that stand for them, as one text.
Result<DecoderPtr> read_byte_level_decoder(const base::JsonFields& fields);
/// Characters for runs of tokens such as <0x0A>; U+FFFD for each of a run that is not UTF-8.
Result<DecoderPtr> read_byte_fallback_decoder(const base::JsonFields& fields);

/// Bytes of tokens that are one character below U+0100; what is no UTF-8 among them is left out. A
/// type of our own, for ByT5.
Result<DecoderPtr> read_bytes_decoder(const base::JsonFields& fields);

}  // namespace lanewise::text
