#include "runtime/text/tokenizer.hpp"

#include "base/json_fields.hpp"
#include "base/no_throw.hpp"
#include "base/status_macros.hpp"
#include "runtime/text/models/bpe.hpp"
#include "runtime/text/models/sentencepiece.hpp"
#include "runtime/text/models/unigram.hpp"
#include "runtime/text/models/word_models.hpp"
#include "runtime/text/subword_tokenizer.hpp"

namespace lanewise::text {
namespace {

using TokenizerPtr = std::shared_ptr<const Tokenizer>;

// The largest published tokenizer file has 100 MB; to_json() may write merge pairs in a longer
// form.
constexpr size_t kMaxBytes = 400'000'000;

/// The model's type; files from before tokenizers 0.10 lack it, so its fields decide.
Result<std::string> model_type(const base::JsonFields& model) {
  if (!model.find("type") && model.find("max_input_chars_per_word"))
    return std::string("WordPiece");
  return model.string("type");
}

/// A model type and the function that reads it.
struct ModelKind {
  std::string_view type;
  Result<SubwordModelPtr> (*read)(const base::JsonFields& model);
};

constexpr ModelKind kModelKinds[] = {
    {"WordLevel", read_wordlevel_model},
    {"WordPiece", read_wordpiece_model},
    {"BPE", read_bpe_model},
    {"Unigram", read_unigram_model},
    {"SentencePiece", read_sentencepiece_model},
};

Status unknown_model(const std::string& type) {
  std::string known;
  for (const ModelKind& kind : kModelKinds) {
    known.append(known.empty() ? "" : ", ").append(kind.type);
  }
  return unsupported("model '" + type + "' is not supported, only " + known);
}

Result<TokenizerPtr> tokenizer_of(const base::JsonDocument& json) {
  LW_ASSIGN_OR_RETURN(const base::JsonFields file, base::JsonFields::of(json.root(), ""));
  LW_ASSIGN_OR_RETURN(const base::JsonFields model, file.object("model"));
  LW_ASSIGN_OR_RETURN(const std::string type, model_type(model));
  for (const ModelKind& kind : kModelKinds) {
    if (kind.type != type) continue;
    LW_ASSIGN_OR_RETURN(SubwordModelPtr result, kind.read(model));
    return subword_tokenizer_from_json(file, std::move(result));
  }
  return unknown_model(type);
}

Result<TokenizerPtr> parse_by_model(std::string_view text) {
  LW_ASSIGN_OR_RETURN(const base::JsonDocument json, base::parse_foreign_json(text, kMaxBytes));
  return tokenizer_of(json);
}

}  // namespace

Tokenizer::~Tokenizer() = default;

Result<TokenizerPtr> parse_tokenizer(std::string_view json) {
  return base::no_throw([&] { return parse_by_model(json); });
}

}  // namespace lanewise::text
