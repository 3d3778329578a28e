// ALBERT's tokenizer, as Transformers makes it of a SentencePiece model for the library tokenizers.
// That is what its users have, and it differs from SentencePiece: accents are those of Unicode's
// category Mn, and repeated spaces are collapsed late.

#include <algorithm>
#include <utility>

#include "base/json_tree.hpp"
#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/tokenizers/families.hpp"
#include "converters/tokenizers/sentencepiece_file.hpp"
#include "converters/tokenizers/sentencepiece_json.hpp"
#include "runtime/text/base64.hpp"

namespace lanewise::converters {
namespace {

using Json = base::JsonTree;

/// Pieces that join a digit with a comma are not to be chosen.
constexpr double kJoinedPenalty = 100;

bool joins_digit_and_comma(std::string_view piece) {
  if (piece.size() < 2 || !piece.ends_with(',')) return false;
  const char before = piece[piece.size() - 2];
  return before >= '0' && before <= '9';
}

Json replace(Json pattern, const char* content) {
  return Json::object({{"type", "Replace"}, {"pattern", std::move(pattern)}, {"content", content}});
}

Json normalizer(const SentencePieceFile& file, const Companions& companions) {
  Json parts = Json::array();
  for (const char* quotes : {"``", "''"}) {
    parts.push_back(replace(Json::object({{"String", quotes}}), "\""));
  }
  if (!companions.keep_accents.value_or(false)) {
    parts.push_back(Json::object({{"type", "NFKD"}}));
    parts.push_back(Json::object({{"type", "StripAccents"}}));
  }
  if (companions.do_lower_case.value_or(true)) {
    parts.push_back(Json::object({{"type", "Lowercase"}}));
  }
  if (!file.charsmap.empty()) {
    parts.push_back(Json::object(
        {{"type", "Precompiled"}, {"precompiled_charsmap", text::encode_base64(file.charsmap)}}));
  }
  parts.push_back(replace(Json::object({{"Regex", " {2,}"}}), " "));
  return Json::object({{"type", "Sequence"}, {"normalizers", std::move(parts)}});
}

Json metaspace() {
  return Json::object({{"type", "Metaspace"},
                       {"replacement", "\u2581"},
                       {"prepend_scheme", "always"},
                       {"split", true}});
}

Json model(const SentencePieceFile& file, int32_t unknown) {
  Json vocabulary = Json::array();
  for (const SentencePieceFile::Piece& piece : file.pieces) {
    const double penalty = joins_digit_and_comma(piece.text) ? kJoinedPenalty : 0;
    vocabulary.push_back(Json::array(piece.text, static_cast<double>(piece.score) - penalty));
  }
  return Json::object({{"type", "Unigram"},
                       {"unk_id", unknown},
                       {"vocab", std::move(vocabulary)},
                       {"byte_fallback", false}});
}

}  // namespace

Result<std::string> albert_tokenizer(std::string_view spm, const Companions& companions) {
  LW_ASSIGN_OR_RETURN(const SentencePieceFile file, read_sentencepiece_file(spm));
  if (file.algorithm != "unigram") {
    return unsupported("ALBERT's tokenizer with a SentencePiece model of type " +
                       base::in_quotes(file.algorithm) + " is not supported; known: unigram");
  }
  SentencePieceFamily family;
  for (const char* token : {"<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]"}) {
    const auto found = std::ranges::find(file.pieces, token, &SentencePieceFile::Piece::text);
    if (found == file.pieces.end()) {
      return data_loss("the SentencePiece model has no piece '" + std::string(token) + "'");
    }
    family.specials.push_back({token, static_cast<int32_t>(found - file.pieces.begin())});
  }
  family.specials.back().lstrip = true;
  family.prefix = {"[CLS]"};
  family.suffix = family.separator = {"[SEP]"};
  family.second_type = true;
  return sorted_text(Json::object({{"version", "1.0"},
                                   {"added_tokens", added_tokens_of(family)},
                                   {"normalizer", normalizer(file, companions)},
                                   {"pre_tokenizer", metaspace()},
                                   {"post_processor", template_of(family)},
                                   {"decoder", metaspace()},
                                   {"model", model(file, family.specials[1].id)}}));
}

}  // namespace lanewise::converters
