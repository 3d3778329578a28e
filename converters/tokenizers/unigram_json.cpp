#include "converters/tokenizers/unigram_json.hpp"

#include <utility>

#include "runtime/text/base64.hpp"

namespace lanewise::converters {

using Json = base::JsonTree;

Json metaspace_json() {
  return Json::object({{"type", "Metaspace"},
                       {"replacement", "\u2581"},
                       {"prepend_scheme", "always"},
                       {"split", true}});
}

Json replace_json(Json pattern, const char* content) {
  return Json::object({{"type", "Replace"}, {"pattern", std::move(pattern)}, {"content", content}});
}

Json charsmap_json(const SentencePieceFile& file) {
  if (file.charsmap.empty()) return nullptr;
  return Json::object(
      {{"type", "Precompiled"}, {"precompiled_charsmap", text::encode_base64(file.charsmap)}});
}

Json unigram_json(const SentencePieceFile& file, int32_t unknown,
                  double (*penalty)(std::string_view piece)) {
  Json vocabulary = Json::array();
  for (const SentencePieceFile::Piece& piece : file.pieces) {
    const double less = penalty == nullptr ? 0 : penalty(piece.text);
    vocabulary.push_back(Json::array(piece.text, static_cast<double>(piece.score) - less));
  }
  return Json::object({{"type", "Unigram"},
                       {"unk_id", unknown},
                       {"vocab", std::move(vocabulary)},
                       {"byte_fallback", false}});
}

}  // namespace lanewise::converters
