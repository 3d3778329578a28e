// Zhang et al. 2020, arXiv:1912.08777. Ids as in Transformers' PegasusTokenizer.

#include <nlohmann/json.hpp>
#include <utility>

#include "converters/tokenizers/families.hpp"
#include "converters/tokenizers/sentencepiece_file.hpp"
#include "converters/tokenizers/sentencepiece_json.hpp"
#include "converters/tokenizers/settings.hpp"
#include "ops/status_macros.hpp"
#include "runtime/text/models/sentencepiece.hpp"

namespace lanewise::converters {
namespace {

using Json = nlohmann::json;

constexpr int32_t kUsualOffset = 103;
constexpr int32_t kMaxOffset = 1 << 16;
constexpr size_t kEnds = 2;  // <pad> and </s>, which every model begins with

struct Settings {
  int32_t offset = kUsualOffset;
  std::string pad = "<pad>";
  std::string eos = "</s>";
  std::string sentence_mask = "<mask_1>";  ///< empty: the tokenizer has no masks
  std::string word_mask = "<mask_2>";
};

Result<Settings> read_settings(std::string_view text) {
  LW_ASSIGN_OR_RETURN(const TokenizerSettings fields, TokenizerSettings::parse(text));
  Settings settings;
  LW_ASSIGN_OR_RETURN(settings.offset, fields.count_or("offset", kUsualOffset, kMaxOffset));
  LW_ASSIGN_OR_RETURN(settings.pad, fields.token_or("pad_token", settings.pad));
  LW_ASSIGN_OR_RETURN(settings.eos, fields.token_or("eos_token", settings.eos));
  LW_ASSIGN_OR_RETURN(settings.word_mask, fields.token_or("mask_token", settings.word_mask));
  LW_ASSIGN_OR_RETURN(settings.sentence_mask,
                      fields.token_or("mask_token_sent", settings.sentence_mask));
  if (fields.is_null("mask_token_sent")) settings.sentence_mask.clear();
  return settings;
}

/// What stands before the pieces, in the order of its ids.
std::vector<std::string> special_tokens(const Settings& settings) {
  std::vector<std::string> tokens = {settings.pad, settings.eos};
  if (!settings.sentence_mask.empty()) {
    tokens.push_back(settings.sentence_mask);
    tokens.push_back(settings.word_mask);
  }
  for (int32_t i = 2; i < settings.offset; ++i) {
    tokens.push_back("<unk_" + std::to_string(i) + ">");
  }
  return tokens;
}

}  // namespace

Result<std::string> pegasus_tokenizer(std::string_view spm, std::string_view settings_json) {
  LW_ASSIGN_OR_RETURN(const SentencePieceFile file, read_sentencepiece_file(spm));
  LW_ASSIGN_OR_RETURN(const Settings settings, read_settings(settings_json));
  SentencePieceFamily family;
  Json vocabulary = Json::object();
  const auto add_special = [&](const std::string& token, int32_t id) {
    vocabulary[token] = id;
    family.specials.push_back({token, id});
  };
  int32_t next = 0;
  for (const std::string& token : special_tokens(settings)) add_special(token, next++);
  for (size_t i = kEnds; i < file.pieces.size(); ++i) {
    const SentencePieceFile::Piece& piece = file.pieces[i];
    const int32_t id = static_cast<int32_t>(i) + settings.offset;
    if (piece.kind == static_cast<int32_t>(text::PieceKind::kUnknown)) {
      family.unk_token = piece.text;
      add_special(piece.text, id);
    } else if (!vocabulary.contains(piece.text)) {
      vocabulary[piece.text] = id;
    }
  }
  family.vocabulary = vocabulary.dump();
  family.suffix = {settings.eos};
  family.strip = true;
  return sentencepiece_json(file, family);
}

}  // namespace lanewise::converters
