#include "runtime/text/tokenizer.hpp"

#include "base/json_fields.hpp"
#include "base/no_throw.hpp"
#include "base/status_macros.hpp"
#include "runtime/text/models/bpe.hpp"
#include "runtime/text/models/sentencepiece.hpp"
#include "runtime/text/models/unigram.hpp"
#include "runtime/text/models/word_models.hpp"
#include "runtime/text/subword_tokenizer.hpp"
#include "runtime/text/wordpiece.hpp"
#include "runtime/text/wordpiece_json.hpp"

namespace lanewise::text {
namespace {

using TokenizerPtr = std::shared_ptr<const Tokenizer>;

// The largest file beside a checkpoint has 100 MB; pairs of merges may be written longer than
// there.
constexpr size_t kMaxBytes = 400'000'000;

/// The name of the model; files of before tokenizers 0.10 have none, and then its fields tell.
Result<std::string> model_type(const base::JsonFields& model) {
  if (!model.find("type") && model.find("max_input_chars_per_word"))
    return std::string("WordPiece");
  return model.string("type");
}

Result<TokenizerPtr> parse_wordpiece(const base::JsonFields& file) {
  if (has_bert_parts(file)) {
    LW_ASSIGN_OR_RETURN(WordPieceConfig config, wordpiece_from_json(file));
    return make_wordpiece(std::move(config));
  }
  LW_ASSIGN_OR_RETURN(const base::JsonFields fields, file.object("model"));
  LW_ASSIGN_OR_RETURN(SubwordModelPtr model, read_wordpiece_model(fields));
  return subword_tokenizer_from_json(file, std::move(model));
}

Result<TokenizerPtr> parse_wordlevel(const base::JsonFields& file) {
  LW_ASSIGN_OR_RETURN(const base::JsonFields fields, file.object("model"));
  LW_ASSIGN_OR_RETURN(SubwordModelPtr model, read_wordlevel_model(fields));
  return subword_tokenizer_from_json(file, std::move(model));
}

Result<TokenizerPtr> parse_bpe(const base::JsonFields& file) {
  LW_ASSIGN_OR_RETURN(const base::JsonFields fields, file.object("model"));
  LW_ASSIGN_OR_RETURN(BpeConfig config, bpe_from_json(fields));
  LW_ASSIGN_OR_RETURN(SubwordModelPtr model, make_bpe(std::move(config)));
  return subword_tokenizer_from_json(file, std::move(model));
}

Result<TokenizerPtr> parse_unigram(const base::JsonFields& file) {
  LW_ASSIGN_OR_RETURN(const base::JsonFields fields, file.object("model"));
  LW_ASSIGN_OR_RETURN(SubwordModelPtr model, unigram_from_json(fields));
  return subword_tokenizer_from_json(file, std::move(model));
}

Result<TokenizerPtr> parse_sentencepiece(const base::JsonFields& file) {
  LW_ASSIGN_OR_RETURN(const base::JsonFields fields, file.object("model"));
  LW_ASSIGN_OR_RETURN(SubwordModelPtr model, sentencepiece_from_json(fields));
  return subword_tokenizer_from_json(file, std::move(model));
}

/// A kind of model, and what makes a tokenizer of a file that has it.
struct ModelKind {
  std::string_view type;
  Result<TokenizerPtr> (*parse)(const base::JsonFields& file);
};

constexpr ModelKind kModelKinds[] = {
    {"WordLevel", parse_wordlevel}, {"WordPiece", parse_wordpiece},         {"BPE", parse_bpe},
    {"Unigram", parse_unigram},     {"SentencePiece", parse_sentencepiece},
};

Status unknown_model(const std::string& type) {
  std::string known;
  for (const ModelKind& kind : kModelKinds) {
    known.append(known.empty() ? "" : ", ").append(kind.type);
  }
  return unsupported("model '" + type + "' is not supported, only " + known);
}

/// Chooses the class of tokenizer by the type of its model.
Result<TokenizerPtr> tokenizer_of(const base::JsonDocument& json) {
  LW_ASSIGN_OR_RETURN(const base::JsonFields file, base::JsonFields::of(json.root(), ""));
  LW_ASSIGN_OR_RETURN(const base::JsonFields model, file.object("model"));
  LW_ASSIGN_OR_RETURN(const std::string type, model_type(model));
  for (const ModelKind& kind : kModelKinds) {
    if (kind.type == type) return kind.parse(file);
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
