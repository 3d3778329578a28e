// Zhang et al. 2020, arXiv:1912.08777. Ids as in Transformers' PegasusTokenizer.

#include <utility>

#include "base/status_macros.hpp"
#include "converters/tokenizers/families.hpp"
#include "converters/tokenizers/sentencepiece_file.hpp"
#include "converters/tokenizers/sentencepiece_json.hpp"
#include "runtime/text/models/sentencepiece.hpp"

namespace lanewise::converters {
namespace {

constexpr int32_t kUsualOffset = 103;
constexpr size_t kEnds = 2;  // <pad> and </s>, with which every model begins

/// The tokens before the pieces, in order of ids.
std::vector<std::string> special_tokens(const Companions& companions, int32_t offset) {
  std::vector<std::string> tokens = {companions.token_name("pad_token", "<pad>"),
                                     companions.token_name("eos_token", "</s>")};
  const std::string sentence_mask = companions.mask_token_sent.value_or("<mask_1>");
  if (!sentence_mask.empty()) {
    tokens.push_back(sentence_mask);
    tokens.push_back(companions.token_name("mask_token", "<mask_2>"));
  }
  for (int32_t i = 2; i < offset; ++i) tokens.push_back("<unk_" + std::to_string(i) + ">");
  return tokens;
}

}  // namespace

Result<std::string> pegasus_tokenizer(std::string_view spm, const Companions& companions) {
  LW_ASSIGN_OR_RETURN(const SentencePieceFile file, read_sentencepiece_file(spm));
  const int32_t offset = companions.offset.value_or(kUsualOffset);
  const std::vector<std::string> specials = special_tokens(companions, offset);
  SentencePieceFamily family;
  std::map<std::string, int32_t>& vocabulary = family.vocabulary;
  const auto add_special = [&](const std::string& token, int32_t id) {
    vocabulary[token] = id;
    family.specials.push_back({token, id});
  };
  int32_t next = 0;
  for (const std::string& token : specials) add_special(token, next++);
  for (size_t i = kEnds; i < file.pieces.size(); ++i) {
    const SentencePieceFile::Piece& piece = file.pieces[i];
    const int32_t id = static_cast<int32_t>(i) + offset;
    if (piece.kind == static_cast<int32_t>(text::PieceKind::kUnknown)) {
      family.unk_token = piece.text;
      add_special(piece.text, id);
    } else if (!vocabulary.contains(piece.text)) {
      vocabulary[piece.text] = id;
    }
  }
  family.suffix = {specials[1]};
  family.strip = true;
  return sentencepiece_json(file, family);
}

}  // namespace lanewise::converters
