#include "converters/families/hf_tokenizer.hpp"

#include <algorithm>
#include <initializer_list>
#include <string>
#include <utility>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/files.hpp"
#include "converters/tokenizers/apply_companions.hpp"
#include "converters/tokenizers/companions.hpp"
#include "converters/tokenizers/families.hpp"
#include "converters/tokenizers/folder_tokenizer.hpp"

namespace lanewise::converters {
namespace {

using base::in_quotes;

constexpr const char* kTokenizerJson = "tokenizer.json";
constexpr const char* kVocabulary = "vocab.json";
constexpr const char* kBpeModel = "sentencepiece.bpe.model";
constexpr int32_t kT5ExtraIds = 100;

/// The folder of the weights, and the companions of its tokenizer.
class TokenizerFolder {
 public:
  static Result<TokenizerFolder> open(const FamilyInput& input) {
    TokenizerFolder folder(input);
    LW_ASSIGN_OR_RETURN(folder.companions,
                        read_companions(input.folder, input.subfolder, input.config));
    return folder;
  }

  bool has(const char* name) const { return input_.folder.has(join(input_.subfolder, name)); }
  /// Whether the folder has all of `names`. With none of them it has no tokenizer, which is no
  /// error; if only some are missing, it is incomplete, unless a tokenizer.json serves instead.
  Result<bool> has_all(std::initializer_list<const char*> names) const {
    const auto has = [this](const char* name) { return this->has(name); };
    const auto* const lost = std::find_if_not(names.begin(), names.end(), has);
    if (lost == names.end()) return true;
    const auto* const found = std::find_if(names.begin(), names.end(), has);
    if (found == names.end() || this->has(kTokenizerJson)) return false;
    return not_found(label() + " has " + in_quotes(*found) + " but no " + in_quotes(*lost) +
                     ": its tokenizer needs both");
  }
  Result<std::string> text(const char* name) const {
    return input_.folder.text(input_.folder.path(join(input_.subfolder, name)));
  }
  /// `made`; adds the file name to an error message.
  Result<std::string> named(Result<std::string> made, const std::string& name) const {
    if (made.ok()) return made;
    return made.status().with_context(label() + ": tokenizer of " + in_quotes(name));
  }
  std::string language_or(const char* usual) const {
    return companions.src_lang.empty() ? usual : companions.src_lang;
  }
  bool is_class(std::string_view prefix) const {
    return companions.tokenizer_class.starts_with(prefix);
  }
  /// Where NLLB puts the language token.
  LanguagePlace nllb_place() const {
    return companions.legacy_behaviour ? LanguagePlace::kLast : LanguagePlace::kFirst;
  }

  Companions companions;

 private:
  explicit TokenizerFolder(const FamilyInput& input) : input_(input) {}

  std::string label() const { return in_quotes(input_.folder.path(input_.subfolder)); }

  const FamilyInput& input_;
};

/// Applies clean_up_tokenization_spaces to a tokenizer, if it is set.
Status clean_up(const TokenizerFolder& folder, std::string& tokenizer) {
  if (!folder.companions.clean_up_tokenization_spaces) return {};
  LW_ASSIGN_OR_RETURN(tokenizer, with_clean_up(tokenizer));
  return {};
}

/// Applies the folder's settings to a tokenizer that was built from its files.
Status apply(const TokenizerFolder& folder, Backend backend, std::string& tokenizer) {
  LW_ASSIGN_OR_RETURN(tokenizer, apply_companions(folder.companions, backend, tokenizer));
  return {};
}

Status finish(const TokenizerFolder& folder, Backend backend, std::string& tokenizer) {
  LW_RETURN_IF_ERROR(apply(folder, backend, tokenizer));
  return clean_up(folder, tokenizer);
}

/// One model for each side; both share vocab.json, unless the target has its own.
Status read_marian(const TokenizerFolder& folder, FamilyModel& model) {
  LW_ASSIGN_OR_RETURN(const bool complete,
                      folder.has_all({"source.spm", "target.spm", kVocabulary}));
  if (!complete) return {};
  LW_ASSIGN_OR_RETURN(const std::string source, folder.text("source.spm"));
  LW_ASSIGN_OR_RETURN(const std::string target, folder.text("target.spm"));
  LW_ASSIGN_OR_RETURN(std::string vocabulary, folder.text(kVocabulary));
  LW_ASSIGN_OR_RETURN(model.tokenizer,
                      folder.named(marian_tokenizer(source, vocabulary), "source.spm"));
  if (folder.has("target_vocab.json")) {
    LW_ASSIGN_OR_RETURN(vocabulary, folder.text("target_vocab.json"));
  }
  LW_ASSIGN_OR_RETURN(model.target_tokenizer,
                      folder.named(marian_tokenizer(target, vocabulary), "target.spm"));
  LW_RETURN_IF_ERROR(apply(folder, Backend::kPython, model.tokenizer));
  return finish(folder, Backend::kPython, model.target_tokenizer);
}

Status read_mbart(const TokenizerFolder& folder, FamilyModel& model) {
  if (!folder.has(kBpeModel)) return {};
  LW_ASSIGN_OR_RETURN(const std::string spm, folder.text(kBpeModel));
  const std::string language = folder.language_or("en_XX");
  const bool fifty = folder.is_class("MBart50");
  LW_ASSIGN_OR_RETURN(model.tokenizer, folder.named(fifty ? mbart50_tokenizer(spm, language)
                                                          : mbart_tokenizer(spm, language),
                                                    kBpeModel));
  return finish(folder, Backend::kTokenizers, model.tokenizer);
}

/// M2M100 has a vocabulary besides its pieces.
Status read_m2m100(const TokenizerFolder& folder, FamilyModel& model) {
  const bool is_nllb = !folder.has(kVocabulary) && !folder.is_class("M2M100");
  if (is_nllb) return {};
  LW_ASSIGN_OR_RETURN(const bool complete, folder.has_all({kBpeModel, kVocabulary}));
  if (!complete) return {};
  LW_ASSIGN_OR_RETURN(const std::string spm, folder.text(kBpeModel));
  LW_ASSIGN_OR_RETURN(const std::string vocabulary, folder.text(kVocabulary));
  LW_ASSIGN_OR_RETURN(model.tokenizer,
                      folder.named(m2m100_tokenizer(spm, vocabulary, folder.language_or("en"),
                                                    folder.companions.language_codes),
                                   kBpeModel));
  return finish(folder, Backend::kPython, model.tokenizer);
}

/// NLLB has only the pieces. Transformers treats them as BPE, which it does not clean up after.
Status read_nllb(const TokenizerFolder& folder, FamilyModel& model) {
  if (!folder.has(kBpeModel)) return {};
  LW_ASSIGN_OR_RETURN(const std::string spm, folder.text(kBpeModel));
  LW_ASSIGN_OR_RETURN(
      model.tokenizer,
      folder.named(nllb_tokenizer(spm, folder.language_or("eng_Latn"), folder.nllb_place()),
                   kBpeModel));
  return apply(folder, Backend::kTokenizers, model.tokenizer);
}

Status read_t5(const TokenizerFolder& folder, FamilyModel& model) {
  if (!folder.has("spiece.model")) return {};
  LW_ASSIGN_OR_RETURN(const std::string spm, folder.text("spiece.model"));
  LW_ASSIGN_OR_RETURN(
      model.tokenizer,
      folder.named(t5_tokenizer(spm, folder.companions.extra_ids.value_or(kT5ExtraIds)),
                   "spiece.model"));
  return finish(folder, Backend::kTokenizers, model.tokenizer);
}

Status read_pegasus(const TokenizerFolder& folder, FamilyModel& model) {
  if (!folder.has("spiece.model")) return {};
  LW_ASSIGN_OR_RETURN(const std::string spm, folder.text("spiece.model"));
  LW_ASSIGN_OR_RETURN(model.tokenizer,
                      folder.named(pegasus_tokenizer(spm, folder.companions), "spiece.model"));
  return finish(folder, Backend::kTokenizers, model.tokenizer);
}

/// Encoders: by the class, because Transformers has several models with the tokenizer of another,
/// such as multilingual E5, a BERT with XLM-RoBERTa's.
Status read_encoder_pieces(const TokenizerFolder& folder, FamilyModel& model) {
  const bool albert = folder.is_class("Albert");
  const bool camembert = folder.is_class("Camembert");
  const bool deberta = folder.is_class("DebertaV2");
  if (!albert && !camembert && !deberta && !folder.is_class("XLMRoberta")) return {};
  const char* name = albert ? "spiece.model" : deberta ? "spm.model" : kBpeModel;
  if (!folder.has(name)) return {};
  LW_ASSIGN_OR_RETURN(const std::string spm, folder.text(name));
  Result<std::string> made = albert      ? albert_tokenizer(spm, folder.companions)
                             : deberta   ? deberta_v2_tokenizer(spm, folder.companions)
                             : camembert ? camembert_tokenizer(spm)
                                         : xlm_roberta_tokenizer(spm);
  LW_ASSIGN_OR_RETURN(model.tokenizer, folder.named(std::move(made), name));
  return finish(folder, Backend::kTokenizers, model.tokenizer);
}

/// ByT5's class needs no file.
Status read_byt5(const TokenizerFolder& folder, FamilyModel& model) {
  LW_ASSIGN_OR_RETURN(model.tokenizer,
                      folder.named(byt5_tokenizer(folder.companions), "tokenizer_config.json"));
  return apply(folder, Backend::kPython, model.tokenizer);
}

/// The language token that the class of a multilingual model adds to texts, whatever tokenizer.json
/// says; "" for other classes.
std::pair<std::string, LanguagePlace> language_of_class(const TokenizerFolder& folder) {
  if (folder.is_class("Nllb")) return {folder.language_or("eng_Latn"), folder.nllb_place()};
  if (folder.is_class("MBart50")) return {folder.language_or("en_XX"), LanguagePlace::kFirst};
  if (folder.is_class("MBart")) return {folder.language_or("en_XX"), LanguagePlace::kLast};
  return {"", LanguagePlace::kFirst};
}

Status read_tokenizer_json(const FamilyInput& input, const TokenizerFolder& folder,
                           FamilyModel& model) {
  LW_ASSIGN_OR_RETURN(model.tokenizer,
                      folder_tokenizer(input.folder, input.subfolder, folder.companions));
  const auto [language, place] = language_of_class(folder);
  if (!language.empty()) {
    LW_ASSIGN_OR_RETURN(
        model.tokenizer,
        folder.named(with_language(model.tokenizer, language, place), kTokenizerJson));
  }
  return clean_up(folder, model.tokenizer);
}

}  // namespace

Status read_hf_tokenizers(const FamilyInput& input, std::string_view model_type,
                          FamilyModel& model) {
  LW_ASSIGN_OR_RETURN(const TokenizerFolder folder, TokenizerFolder::open(input));
  // These two classes run SentencePiece and ignore tokenizer.json.
  if (model_type == "marian") LW_RETURN_IF_ERROR(read_marian(folder, model));
  if (model_type == "m2m_100") LW_RETURN_IF_ERROR(read_m2m100(folder, model));
  if (folder.is_class("ByT5")) return read_byt5(folder, model);
  if (!model.tokenizer.empty()) return {};
  if (folder.has(kTokenizerJson)) return read_tokenizer_json(input, folder, model);
  if (model_type == "mbart") return read_mbart(folder, model);
  if (model_type == "m2m_100") return read_nllb(folder, model);
  if (model_type == "t5") return read_t5(folder, model);
  if (model_type == "pegasus") return read_pegasus(folder, model);
  return read_encoder_pieces(folder, model);
}

}  // namespace lanewise::converters
