#include "converters/families/hf_tokenizer.hpp"

#include <algorithm>
#include <initializer_list>
#include <string>

#include "converters/files.hpp"
#include "converters/tokenizers/families.hpp"
#include "ops/status_macros.hpp"
#include "runtime/file/messages.hpp"

namespace lanewise::converters {
namespace {

using file::in_quotes;

constexpr const char* kVocabulary = "vocab.json";
constexpr const char* kBpeModel = "sentencepiece.bpe.model";
constexpr int64_t kT5ExtraIds = 100;
constexpr int64_t kMaxExtraIds = 1 << 16;

/// The files beside the weights, and what tokenizer_config.json says.
class TokenizerFolder {
 public:
  static Result<TokenizerFolder> open(const FamilyInput& input) {
    TokenizerFolder folder(input);
    if (!folder.has("tokenizer_config.json")) return folder;
    LW_ASSIGN_OR_RETURN(const Config config,
                        input.folder.config(join(input.subfolder, "tokenizer_config.json")));
    LW_ASSIGN_OR_RETURN(folder.type, config.text("tokenizer_class", ""));
    LW_ASSIGN_OR_RETURN(folder.language, config.text("src_lang", ""));
    LW_ASSIGN_OR_RETURN(folder.extra_ids,
                        config.integer("extra_ids", kT5ExtraIds, 0, kMaxExtraIds));
    return folder;
  }

  bool has(const char* name) const { return input_.folder.has(join(input_.subfolder, name)); }
  /// Whether the folder has all of `names`. Without any it has no tokenizer, which is no error;
  /// without some it has lost them.
  Result<bool> has_all(std::initializer_list<const char*> names) const {
    const auto has = [this](const char* name) { return this->has(name); };
    const auto* const lost = std::find_if_not(names.begin(), names.end(), has);
    if (lost == names.end()) return true;
    const auto* const found = std::find_if(names.begin(), names.end(), has);
    if (found == names.end()) return false;
    return not_found(label() + " has " + in_quotes(*found) + " but no " + in_quotes(*lost) +
                     ": its tokenizer needs both");
  }
  Result<std::string> text(const char* name) const {
    return input_.folder.text(input_.folder.path(join(input_.subfolder, name)));
  }
  /// `made`, whose message shall say what it was made of.
  Result<std::string> named(Result<std::string> made, const std::string& name) const {
    if (made.ok()) return made;
    return made.status().with_context(label() + ": tokenizer of " + in_quotes(name));
  }
  std::string language_or(const char* usual) const { return language.empty() ? usual : language; }

  std::string type;
  std::string language;
  int64_t extra_ids = kT5ExtraIds;

 private:
  explicit TokenizerFolder(const FamilyInput& input) : input_(input) {}

  std::string label() const { return in_quotes(input_.folder.path(input_.subfolder)); }

  const FamilyInput& input_;
};

/// One model for each side; vocab.json is that of both, unless the target has one of its own.
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
  return {};
}

Status read_mbart(const TokenizerFolder& folder, FamilyModel& model) {
  if (!folder.has(kBpeModel)) return {};
  LW_ASSIGN_OR_RETURN(const std::string spm, folder.text(kBpeModel));
  const std::string language = folder.language_or("en_XX");
  const bool fifty = folder.type.starts_with("MBart50");
  LW_ASSIGN_OR_RETURN(model.tokenizer, folder.named(fifty ? mbart50_tokenizer(spm, language)
                                                          : mbart_tokenizer(spm, language),
                                                    kBpeModel));
  return {};
}

Status read_nllb(const TokenizerFolder& folder, FamilyModel& model) {
  if (!folder.has(kBpeModel)) return {};
  LW_ASSIGN_OR_RETURN(const std::string spm, folder.text(kBpeModel));
  LW_ASSIGN_OR_RETURN(model.tokenizer,
                      folder.named(nllb_tokenizer(spm, folder.language_or("eng_Latn")), kBpeModel));
  return {};
}

/// M2M100 has a vocabulary beside its pieces, NLLB has the pieces alone.
Status read_m2m100(const TokenizerFolder& folder, FamilyModel& model) {
  const bool two_files = folder.has(kVocabulary) || folder.type.starts_with("M2M100");
  if (!two_files) return read_nllb(folder, model);
  LW_ASSIGN_OR_RETURN(const bool complete, folder.has_all({kBpeModel, kVocabulary}));
  if (!complete) return {};
  LW_ASSIGN_OR_RETURN(const std::string spm, folder.text(kBpeModel));
  LW_ASSIGN_OR_RETURN(const std::string vocabulary, folder.text(kVocabulary));
  LW_ASSIGN_OR_RETURN(
      model.tokenizer,
      folder.named(m2m100_tokenizer(spm, vocabulary, folder.language_or("en")), kBpeModel));
  return {};
}

Status read_t5(const TokenizerFolder& folder, FamilyModel& model) {
  if (!folder.has("spiece.model")) return {};
  LW_ASSIGN_OR_RETURN(const std::string spm, folder.text("spiece.model"));
  const auto extra_ids = static_cast<int32_t>(folder.extra_ids);
  LW_ASSIGN_OR_RETURN(model.tokenizer, folder.named(t5_tokenizer(spm, extra_ids), "spiece.model"));
  return {};
}

}  // namespace

Status read_hf_tokenizers(const FamilyInput& input, std::string_view model_type,
                          FamilyModel& model) {
  LW_ASSIGN_OR_RETURN(const TokenizerFolder folder, TokenizerFolder::open(input));
  if (folder.has("tokenizer.json")) return {};
  if (model_type == "marian") return read_marian(folder, model);
  if (model_type == "mbart") return read_mbart(folder, model);
  if (model_type == "m2m_100") return read_m2m100(folder, model);
  if (model_type == "t5") return read_t5(folder, model);
  return {};
}

}  // namespace lanewise::converters
