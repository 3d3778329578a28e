#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lanewise/status.hpp"

namespace lanewise::converters {

/// What a SentencePiece .model or .spm file says, as far as encoding and decoding need it.
struct SentencePieceFile {
  struct Piece {
    std::string text;
    float score = 0;
    int32_t kind = 1;  ///< as text::PieceKind
  };

  std::vector<Piece> pieces;  ///< the id of each is its place; none is empty, all are UTF-8
  std::string algorithm;      ///< as the runtime names it: unigram, bpe, word, char
  bool byte_fallback = false;
  std::string unk_surface;
  std::string charsmap;
  bool add_dummy_prefix = true;
  bool remove_extra_whitespaces = true;
  bool escape_whitespaces = true;
  bool treat_whitespace_as_suffix = false;
};

/// Reads the protobuf of a SentencePiece model, of which no byte is trusted: it allocates a few
/// times the size of the file.
///
/// kDataLoss if it is cut off or contradicts itself; kUnsupported for a denormaliser.
Result<SentencePieceFile> read_sentencepiece_file(std::string_view bytes);

}  // namespace lanewise::converters
