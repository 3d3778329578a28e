#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lanewise/status.hpp"

namespace lanewise::converters {

/// The contents of a SentencePiece .model or .spm file that encoding and decoding need.
struct SentencePieceFile {
  struct Piece {
    std::string text;
    float score = 0;
    int32_t kind = 1;  ///< as text::PieceKind
  };

  std::vector<Piece> pieces;  ///< by id; none is empty, all are UTF-8
  std::string algorithm;      ///< its name in the runtime: unigram, bpe, word, char
  bool byte_fallback = false;
  std::string unk_surface;
  std::string charsmap;
  bool add_dummy_prefix = true;
  bool remove_extra_whitespaces = true;
  bool escape_whitespaces = true;
  bool treat_whitespace_as_suffix = false;
};

/// Reads the protobuf of a SentencePiece model, which is not trusted. Allocates at most a few times
/// the size of the file.
///
/// Fails with kDataLoss if it is truncated or contradicts itself; with kUnsupported for a
/// denormaliser.
Result<SentencePieceFile> read_sentencepiece_file(std::string_view bytes);

}  // namespace lanewise::converters
