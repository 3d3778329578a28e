#pragma once

#include "runtime/text/decoders/decoder.hpp"

namespace lanewise::text {

/// Decodes pieces as SentencePiece does: bytes become characters, unknown pieces `unk_surface`,
/// control pieces nothing; the space before the text is removed. Our own type: {"type":
/// "SentencePiece", "control": pieces, "unk": piece, "unk_surface": text, "byte_fallback",
/// "add_dummy_prefix", "remove_extra_whitespaces", "separate": tokens that are not pieces and are
/// followed by a space, "strip": whether to strip white space from the ends of the result}.
Result<DecoderPtr> read_sentencepiece_decoder(const base::JsonFields& fields);

}  // namespace lanewise::text
