#pragma once

#include "runtime/text/decoders/decoder.hpp"

namespace lanewise::text {

/// What SentencePiece makes of pieces: bytes as characters, the unknown as a sign, control pieces
/// as nothing, the space before the text gone. A type of our own: {"type": "SentencePiece",
/// "control": pieces, "unk": piece, "unk_surface": text, "byte_fallback", "add_dummy_prefix",
/// "remove_extra_whitespaces", "separate": tokens that are no pieces and are followed by a space,
/// "strip": whether white space goes from the ends of the whole}.
Result<DecoderPtr> read_sentencepiece_decoder(const base::JsonFields& fields);

}  // namespace lanewise::text
