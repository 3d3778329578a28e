#pragma once

#include "runtime/text/decoders/decoder.hpp"

namespace lanewise::text {

/// A space for each U+2581, but none for those of the first token where a space was put before it.
Result<DecoderPtr> read_metaspace_decoder(const base::JsonFields& fields);
/// All tokens as one.
Result<DecoderPtr> read_fuse_decoder(const base::JsonFields& fields);
/// Takes a character off the ends of each token, up to so many times.
Result<DecoderPtr> read_strip_decoder(const base::JsonFields& fields);
/// Puts a string in the place of what matches a pattern in a token.
Result<DecoderPtr> read_replace_decoder(const base::JsonFields& fields);
/// A space for each suffix that ends words, but none behind the last token.
Result<DecoderPtr> read_bpe_decoder(const base::JsonFields& fields);
/// One token for each run of equal ones, and a space for the delimiter of words.
Result<DecoderPtr> read_ctc_decoder(const base::JsonFields& fields);
/// A space before each token that begins a word.
Result<DecoderPtr> read_wordpiece_decoder(const base::JsonFields& fields);

}  // namespace lanewise::text
