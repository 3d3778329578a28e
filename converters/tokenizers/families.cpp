#include "converters/tokenizers/families.hpp"

#include <algorithm>
#include <span>
#include <utility>

#include "base/json_fields.hpp"
#include "base/json_tree.hpp"
#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/tokenizers/json_file.hpp"
#include "converters/tokenizers/languages.hpp"
#include "converters/tokenizers/sentencepiece_file.hpp"
#include "converters/tokenizers/sentencepiece_json.hpp"
#include "converters/tokenizers/vocabulary_file.hpp"
#include "runtime/text/models/sentencepiece.hpp"
#include "runtime/text/tokenizer_json.hpp"

namespace lanewise::converters {
namespace {

using Json = base::JsonTree;
using Languages = std::span<const std::string_view>;
using text::PieceKind;

constexpr const char* kEnd = "</s>";
constexpr const char* kTokenizer = "tokenizer.json";

/// The index of a piece, or -1.
int32_t place_of(const SentencePieceFile& file, std::string_view piece) {
  const auto found = std::ranges::find(file.pieces, piece, &SentencePieceFile::Piece::text);
  return found == file.pieces.end() ? -1 : static_cast<int32_t>(found - file.pieces.begin());
}

/// Makes its control and unknown pieces special tokens.
SentencePieceFamily own_specials(const SentencePieceFile& file) {
  SentencePieceFamily family;
  for (size_t i = 0; i < file.pieces.size(); ++i) {
    const auto kind = static_cast<PieceKind>(file.pieces[i].kind);
    if (kind == PieceKind::kControl || kind == PieceKind::kUnknown) {
      family.specials.push_back({file.pieces[i].text, static_cast<int32_t>(i)});
    }
  }
  return family;
}

Status need(const SentencePieceFile& file, std::string_view piece) {
  if (place_of(file, piece) >= 0) return {};
  return data_loss("the SentencePiece model has no piece '" + std::string(piece) + "'");
}

Status check_language(Languages languages, std::string_view language) {
  if (std::ranges::find(languages, language) != languages.end()) return {};
  return invalid_argument("the model has no language " + base::in_quotes(language));
}

/// Adds those of `tokens` that are in the vocabulary as special tokens.
Status add_known(const std::map<std::string, int32_t>& vocabulary,
                 std::initializer_list<const char*> tokens, SentencePieceFamily* family) {
  for (const char* token : tokens) {
    const auto found = vocabulary.find(token);
    if (found == vocabulary.end()) {
      return data_loss("vocab.json has no token '" + std::string(token) + "'");
    }
    family->specials.push_back({token, found->second});
  }
  return {};
}

void set_language(LanguagePlace place, std::string_view language, SentencePieceFamily* family) {
  const bool first = place == LanguagePlace::kFirst;
  if (first) family->prefix = {std::string(language)};
  family->suffix = {kEnd};
  if (!first) family->suffix.emplace_back(language);
}

// The first tokens of fairseq's dictionaries, whatever the SentencePiece model says: its pieces
// from the fourth on follow, with ids higher by one.
constexpr std::string_view kFairseqSpecials[] = {"<s>", "<pad>", "</s>", "<unk>"};
constexpr int32_t kFairseqOffset = 1;

/// The vocabulary of mBART and NLLB: fairseq's, then the languages, then <mask>.
Result<SentencePieceFamily> fairseq_family(const SentencePieceFile& file, Languages languages) {
  SentencePieceFamily family;
  std::map<std::string, int32_t>& vocabulary = family.vocabulary;
  // The first three pieces of the model are <unk>, <s> and </s>.
  for (size_t i = 3; i < file.pieces.size(); ++i) {
    vocabulary[file.pieces[i].text] = static_cast<int32_t>(i) + kFairseqOffset;
  }
  int32_t id = 0;
  const auto add = [&](std::string_view token) {
    vocabulary[std::string(token)] = id;
    family.specials.push_back({std::string(token), id++});
  };
  for (const std::string_view token : kFairseqSpecials) add(token);
  id = static_cast<int32_t>(file.pieces.size()) + kFairseqOffset;
  for (const std::string_view language : languages) add(language);
  add("<mask>");
  family.specials.back().lstrip = true;
  return family;
}

/// Fairseq's pieces begin with these.
Result<SentencePieceFile> read_fairseq_file(std::string_view spm) {
  LW_ASSIGN_OR_RETURN(SentencePieceFile file, read_sentencepiece_file(spm));
  for (const char* piece : {"<unk>", "<s>", "</s>"}) {
    if (place_of(file, piece) < 0 || place_of(file, piece) > 2) {
      return data_loss("the SentencePiece model has no '" + std::string(piece) +
                       "' among its first three pieces");
    }
  }
  return file;
}

Result<std::string> fairseq_tokenizer(std::string_view spm, Languages languages,
                                      std::string_view language, LanguagePlace place) {
  LW_RETURN_IF_ERROR(check_language(languages, language));
  LW_ASSIGN_OR_RETURN(const SentencePieceFile file, read_fairseq_file(spm));
  LW_ASSIGN_OR_RETURN(SentencePieceFamily family, fairseq_family(file, languages));
  set_language(place, language, &family);
  return sentencepiece_json(file, family);
}

/// <s> text </s>, and </s></s> between two texts.
void set_roberta_template(SentencePieceFamily* family) {
  family->prefix = {"<s>"};
  family->suffix = {kEnd};
  family->separator = {kEnd, kEnd};
}

}  // namespace

Result<std::string> plain_tokenizer(std::string_view spm) {
  LW_ASSIGN_OR_RETURN(const SentencePieceFile file, read_sentencepiece_file(spm));
  return sentencepiece_json(file, {});
}

Result<std::string> llama_tokenizer(std::string_view spm) {
  LW_ASSIGN_OR_RETURN(const SentencePieceFile file, read_sentencepiece_file(spm));
  LW_RETURN_IF_ERROR(need(file, "<s>"));
  SentencePieceFamily family = own_specials(file);
  family.prefix = {"<s>"};
  return sentencepiece_json(file, family);
}

Result<std::string> t5_tokenizer(std::string_view spm, int32_t extra_ids) {
  LW_ASSIGN_OR_RETURN(const SentencePieceFile file, read_sentencepiece_file(spm));
  LW_RETURN_IF_ERROR(need(file, kEnd));
  SentencePieceFamily family = own_specials(file);
  family.suffix = {kEnd};
  const auto size = static_cast<int32_t>(file.pieces.size());
  for (int32_t k = 0; k < extra_ids; ++k) {
    family.specials.push_back({"<extra_id_" + std::to_string(k) + ">", size + extra_ids - 1 - k});
  }
  return sentencepiece_json(file, family);
}

Result<std::string> marian_tokenizer(std::string_view spm, std::string_view vocabulary) {
  LW_ASSIGN_OR_RETURN(const SentencePieceFile file, read_sentencepiece_file(spm));
  LW_ASSIGN_OR_RETURN(auto ids, read_vocabulary_json(vocabulary));
  SentencePieceFamily family;
  LW_RETURN_IF_ERROR(add_known(ids, {kEnd, "<unk>", "<pad>"}, &family));
  family.leading_codes = true;
  family.vocabulary = std::move(ids);
  family.suffix = {kEnd};
  family.strip = true;
  family.separate_specials = true;
  return sentencepiece_json(file, family);
}

Result<std::string> m2m100_tokenizer(std::string_view spm, std::string_view vocabulary,
                                     std::string_view language, std::string_view language_codes) {
  const bool wmt21 = language_codes == "wmt21";
  if (!wmt21 && language_codes != "m2m100") {
    return unsupported("language_codes '" + std::string(language_codes) +
                       "' are not known, only m2m100 and wmt21");
  }
  const Languages languages = wmt21 ? Languages(kWmt21Languages) : Languages(kM2m100Languages);
  LW_RETURN_IF_ERROR(check_language(languages, language));
  LW_ASSIGN_OR_RETURN(const SentencePieceFile file, read_sentencepiece_file(spm));
  LW_ASSIGN_OR_RETURN(auto ids, read_vocabulary_json(vocabulary));
  SentencePieceFamily family;
  LW_RETURN_IF_ERROR(add_known(ids, {"<s>", "<pad>", kEnd, "<unk>"}, &family));
  auto id = static_cast<int32_t>(ids.size());
  const auto token_of = [](std::string_view name) { return "__" + std::string(name) + "__"; };
  for (const std::string_view name : languages) family.specials.push_back({token_of(name), id++});
  family.vocabulary = std::move(ids);
  family.prefix = {token_of(language)};
  family.suffix = {kEnd};
  family.strip = true;
  family.separate_specials = true;
  return sentencepiece_json(file, family);
}

Result<std::string> nllb_tokenizer(std::string_view spm, std::string_view language,
                                   LanguagePlace place) {
  return fairseq_tokenizer(spm, kNllbLanguages, language, place);
}

Result<std::string> mbart_tokenizer(std::string_view spm, std::string_view language) {
  return fairseq_tokenizer(spm, kMbartLanguages, language, LanguagePlace::kLast);
}

Result<std::string> mbart50_tokenizer(std::string_view spm, std::string_view language) {
  return fairseq_tokenizer(spm, kMbart50Languages, language, LanguagePlace::kFirst);
}

Result<std::string> xlm_roberta_tokenizer(std::string_view spm) {
  LW_ASSIGN_OR_RETURN(const SentencePieceFile file, read_fairseq_file(spm));
  LW_ASSIGN_OR_RETURN(SentencePieceFamily family, fairseq_family(file, {}));
  set_roberta_template(&family);
  return sentencepiece_json(file, family);
}

Result<std::string> camembert_tokenizer(std::string_view spm) {
  // The first ids are fairseq's, of which <unk> is used twice; the model's pieces follow.
  constexpr std::string_view kFirst[] = {"<s>NOTUSED", "<pad>", "</s>NOTUSED", "<unk>",
                                         "<unk>NOTUSED"};
  constexpr int32_t kOffset = 4;
  LW_ASSIGN_OR_RETURN(const SentencePieceFile file, read_fairseq_file(spm));
  SentencePieceFamily family;
  const auto add = [&](std::string_view token, int32_t id) {
    family.vocabulary[std::string(token)] = id;
    family.specials.push_back({std::string(token), id});
  };
  for (int32_t id = 0; const std::string_view token : kFirst) add(token, id++);
  const auto size = static_cast<int32_t>(file.pieces.size());
  for (int32_t i = 1; i < size; ++i) {
    family.vocabulary.try_emplace(file.pieces[static_cast<size_t>(i)].text, i + kOffset);
  }
  for (const char* token : {"<s>", kEnd}) add(token, family.vocabulary.at(token));
  add("<mask>", size + kOffset);
  family.specials.back().lstrip = true;
  set_roberta_template(&family);
  return sentencepiece_json(file, family);
}

Result<std::string> with_clean_up(std::string_view tokenizer_json) {
  LW_ASSIGN_OR_RETURN(const base::JsonDocument document, parse_file(tokenizer_json, kTokenizer));
  LW_ASSIGN_OR_RETURN(const base::JsonFields file,
                      base::JsonFields::of_file(document.root(), kTokenizer));
  LW_ASSIGN_OR_RETURN(const base::JsonFields model, file.object("model"));
  LW_ASSIGN_OR_RETURN(const std::string type, model.string_or("type", ""));
  if ((type != "Unigram" && type != "SentencePiece") || !file.find("decoder")) {
    return std::string(tokenizer_json);
  }
  Json json = Json::of(document.root());
  Json decoders =
      Json::array(std::move(*json.find("decoder")), Json::object({{"type", "CleanUp"}}));
  json.set("decoder", Json::object({{"type", "Sequence"}, {"decoders", std::move(decoders)}}));
  return sorted_text(std::move(json));
}

Result<std::string> with_language(std::string_view tokenizer_json, std::string_view language,
                                  LanguagePlace place) {
  LW_ASSIGN_OR_RETURN(const base::JsonDocument document, parse_file(tokenizer_json, kTokenizer));
  LW_ASSIGN_OR_RETURN(const base::JsonFields file,
                      base::JsonFields::of_file(document.root(), kTokenizer));
  std::vector<text::AddedToken> tokens;
  LW_RETURN_IF_ERROR(text::added_tokens_from_json(file, &tokens));
  SentencePieceFamily family;
  for (const std::string_view name : {language, std::string_view(kEnd)}) {
    const auto found = std::ranges::find(tokens, name, &text::AddedToken::content);
    if (found == tokens.end()) {
      return invalid_argument("tokenizer.json has no token '" + std::string(name) + "'");
    }
    family.specials.push_back({found->content, found->id});
  }
  set_language(place, language, &family);
  Json json = Json::of(document.root());
  json.set("post_processor", template_of(family));
  return sorted_text(std::move(json));
}

}  // namespace lanewise::converters
