#include "converters/tokenizers/unigram_json.hpp"

#include <utility>

#include "runtime/text/base64.hpp"

namespace lanewise::converters {

base::JsonTree metaspace_json() {
  return base::JsonTree::object({{"type", "Metaspace"},
                                 {"replacement", "\u2581"},
                                 {"prepend_scheme", "always"},
                                 {"split", true}});
}

base::JsonTree replace_json(base::JsonTree pattern, const char* content) {
  return base::JsonTree::object(
      {{"type", "Replace"}, {"pattern", std::move(pattern)}, {"content", content}});
}

base::JsonTree charsmap_json(const SentencePieceFile& file) {
  if (file.charsmap.empty()) return nullptr;
  return base::JsonTree::object(
      {{"type", "Precompiled"}, {"precompiled_charsmap", text::encode_base64(file.charsmap)}});
}

base::JsonTree unigram_json(const SentencePieceFile& file, int32_t unknown,
                            double (*penalty)(std::string_view piece)) {
  base::JsonTree vocabulary = base::JsonTree::array();
  for (const SentencePieceFile::Piece& piece : file.pieces) {
    const double less = penalty == nullptr ? 0 : penalty(piece.text);
    vocabulary.push_back(
        base::JsonTree::array(piece.text, static_cast<double>(piece.score) - less));
  }
  return base::JsonTree::object({{"type", "Unigram"},
                                 {"unk_id", unknown},
                                 {"vocab", std::move(vocabulary)},
                                 {"byte_fallback", false}});
}

}  // namespace lanewise::converters
