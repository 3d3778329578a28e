// The tokenizer of DeBERTa v2 and v3, as Transformers makes it of a SentencePiece model for the
// library tokenizers.

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

Json deberta_normalizer(const SentencePieceFile& file, const Companions& companions) {
  Json parts = Json::array();
  if (companions.do_lower_case.value_or(false)) {
    parts.push_back(Json::object({{"type", "Lowercase"}}));
  }
  parts.push_back(Json::object({{"type", "Strip"}, {"strip_left", true}, {"strip_right", true}}));
  if (!file.charsmap.empty()) parts.push_back(charsmap_json(file));
  parts.push_back(replace_json(Json::object({{"Regex", " {2,}"}}), " "));
  return Json::object({{"type", "Sequence"}, {"normalizers", std::move(parts)}});
}

}  // namespace

Result<std::string> deberta_v2_tokenizer(std::string_view spm, const Companions& companions) {
  LW_ASSIGN_OR_RETURN(const SentencePieceFile file, read_sentencepiece_file(spm));
  if (file.algorithm != "unigram") {
    return unsupported("DeBERTa's tokenizer with a SentencePiece model of type " +
                       base::in_quotes(file.algorithm) + " is not supported; known: unigram");
  }
  if (companions.split_by_punct.value_or(false)) {
    return unsupported("tokenizer_config.json: 'split_by_punct' needs a tokenizer.json");
  }
  SentencePieceFamily family;
  for (const char* token : {"[PAD]", "[UNK]", "[CLS]", "[SEP]"}) {
    const auto found = std::ranges::find(file.pieces, token, &SentencePieceFile::Piece::text);
    if (found == file.pieces.end()) {
      return data_loss("the SentencePiece model has no piece '" + std::string(token) + "'");
    }
    family.specials.push_back({token, static_cast<int32_t>(found - file.pieces.begin())});
  }
  // No model was trained with a piece for it: it is added behind the others.
  family.specials.push_back({"[MASK]", static_cast<int32_t>(file.pieces.size())});
  family.prefix = {"[CLS]"};
  family.suffix = family.separator = {"[SEP]"};
  family.second_type = true;
  return sorted_text(Json::object({{"version", "1.0"},
                                   {"added_tokens", added_tokens_of(family)},
                                   {"normalizer", deberta_normalizer(file, companions)},
                                   {"pre_tokenizer", metaspace_json()},
                                   {"post_processor", template_of(family)},
                                   {"decoder", metaspace_json()},
                                   {"model", unigram_json(file, family.specials[1].id)}}));
}

}  // namespace lanewise::converters
