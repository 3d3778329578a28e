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
#include "converters/tokenizers/unigram_json.hpp"

namespace lanewise::converters {
namespace {

using Json = base::JsonTree;

/// Pieces that join a digit with a comma are not to be chosen.
constexpr double kJoinedPenalty = 100;

double penalty(std::string_view piece) {
  if (piece.size() < 2 || !piece.ends_with(',')) return 0;
  const char before = piece[piece.size() - 2];
  return before >= '0' && before <= '9' ? kJoinedPenalty : 0;
}

Json normalizer(const SentencePieceFile& file, const Companions& companions) {
  Json parts = Json::array();
  for (const char* quotes : {"``", "''"}) {
    parts.push_back(replace_json(Json::object({{"String", quotes}}), "\""));
  }
  if (!companions.keep_accents.value_or(false)) {
    parts.push_back(Json::object({{"type", "NFKD"}}));
    parts.push_back(Json::object({{"type", "StripAccents"}}));
  }
  if (companions.do_lower_case.value_or(true)) {
    parts.push_back(Json::object({{"type", "Lowercase"}}));
  }
  if (!file.charsmap.empty()) parts.push_back(charsmap_json(file));
  parts.push_back(replace_json(Json::object({{"Regex", " {2,}"}}), " "));
  return Json::object({{"type", "Sequence"}, {"normalizers", std::move(parts)}});
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
                                   {"pre_tokenizer", metaspace_json()},
                                   {"post_processor", template_of(family)},
                                   {"decoder", metaspace_json()},
                                   {"model", unigram_json(file, family.specials[1].id, penalty)}}));
}

}  // namespace lanewise::converters
