#include "converters/tokenizers/folder_tokenizer.hpp"

#include <algorithm>
#include <utility>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/files.hpp"
#include "converters/tokenizers/apply_companions.hpp"
#include "converters/tokenizers/bpe_files.hpp"
#include "converters/tokenizers/tokenizer_classes.hpp"
#include "converters/tokenizers/vocabulary_file.hpp"

namespace lanewise::converters {
namespace {

using Json = base::JsonTree;

constexpr const char* kTokenizerJson = "tokenizer.json";
constexpr const char* kVocabularyLines = "vocab.txt";
constexpr const char* kVocabulary = "vocab.json";
constexpr const char* kMerges = "merges.txt";

/// The files of one folder.
class Files {
 public:
  Files(SourceFolder& folder, const std::string& subfolder)
      : folder_(folder), subfolder_(subfolder) {}

  bool has(const char* name) const { return folder_.has(join(subfolder_, name)); }
  Result<std::string> text(const char* name) {
    return folder_.text(folder_.path(join(subfolder_, name)));
  }

 private:
  SourceFolder& folder_;
  const std::string& subfolder_;
};

Result<std::string> read_bpe(Files& files, Companions* companions) {
  LW_ASSIGN_OR_RETURN(const std::string vocabulary, files.text(kVocabulary));
  LW_ASSIGN_OR_RETURN(const std::string merges, files.text(kMerges));
  LW_ASSIGN_OR_RETURN(Json json, tokenizer_json_of_bpe_files(vocabulary, merges, companions));
  return sorted_text(std::move(json));
}

/// Empty if the folder has no tokenizer. May set a class that no file names.
Result<std::string> read_any(Files& files, Companions* companions) {
  if (files.has(kTokenizerJson)) return files.text(kTokenizerJson);
  if (files.has(kVocabularyLines)) {
    if (companions->tokenizer_class.empty()) companions->tokenizer_class = "BertTokenizer";
    LW_ASSIGN_OR_RETURN(const std::string vocabulary, files.text(kVocabularyLines));
    LW_ASSIGN_OR_RETURN(Json json, tokenizer_json_of_vocabulary(vocabulary, *companions));
    return sorted_text(std::move(json));
  }
  if (files.has(kVocabulary) && files.has(kMerges)) return read_bpe(files, companions);
  return std::string();
}

bool has_any_file(const Files& files) {
  constexpr const char* kNames[] = {kTokenizerJson, kVocabularyLines, kVocabulary, "spiece.model",
                                    "sentencepiece.bpe.model"};
  return std::ranges::any_of(kNames, [&](const char* name) { return files.has(name); });
}

Result<std::string> read_with_companions(Files& files, Companions companions) {
  if (has_any_file(files)) LW_RETURN_IF_ERROR(check_tokenizer_class(companions.tokenizer_class));
  LW_ASSIGN_OR_RETURN(const std::string json, read_any(files, &companions));
  if (json.empty()) return json;
  return apply_companions(companions, Backend::kTokenizers, json);
}

}  // namespace

Result<std::string> folder_tokenizer(SourceFolder& folder, const std::string& subfolder,
                                     Companions companions) {
  Files files(folder, subfolder);
  Result<std::string> json = read_with_companions(files, std::move(companions));
  if (!json.ok()) return json.status().with_context(base::in_quotes(folder.path(subfolder)));
  return json;
}

Result<std::string> folder_tokenizer_text(SourceFolder& folder, const std::string& subfolder,
                                          const Config& config) {
  LW_ASSIGN_OR_RETURN(Companions companions, read_companions(folder, subfolder, config));
  return folder_tokenizer(folder, subfolder, std::move(companions));
}

}  // namespace lanewise::converters
