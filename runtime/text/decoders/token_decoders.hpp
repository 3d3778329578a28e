#pragma once

#include "runtime/text/decoders/decoder.hpp"

namespace lanewise::text {

/// Turns each U+2581 into a space, but drops those of the first token if a space was prepended.
Result<DecoderPtr> read_metaspace_decoder(const base::JsonFields& fields);
/// Joins all tokens into one.
Result<DecoderPtr> read_fuse_decoder(const base::JsonFields& fields);
/// Strips a character from the ends of each token, up to a number of times.
Result<DecoderPtr> read_strip_decoder(const base::JsonFields& fields);
/// Replaces what matches a pattern in a token.
Result<DecoderPtr> read_replace_decoder(const base::JsonFields& fields);
/// Turns the end-of-word suffix into a space, or into nothing in the last token.
Result<DecoderPtr> read_bpe_decoder(const base::JsonFields& fields);
/// Collapses runs of equal tokens and turns the word delimiter into a space.
Result<DecoderPtr> read_ctc_decoder(const base::JsonFields& fields);
/// Puts a space before each token that begins a word.
Result<DecoderPtr> read_wordpiece_decoder(const base::JsonFields& fields);

}  // namespace lanewise::text
