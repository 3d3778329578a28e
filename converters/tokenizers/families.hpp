#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lanewise/status.hpp"

namespace lanewise::converters {

// How families of models use SentencePiece: each function gives the tokenizer of a folder as JSON
// for FamilyModel::tokenizer, from the bytes of its files. Where a folder has tokenizer.json, that
// is the tokenizer, and none of these is called. `spm` is the model file, `vocabulary` vocab.json.
// kDataLoss if a file is damaged or contradicts the others; kUnsupported as
// read_sentencepiece_file(); kInvalidArgument for a language that the model does not know.

/// SentencePiece alone: ids are places, no special tokens around a text.
Result<std::string> plain_tokenizer(std::string_view spm);

/// LLaMA (tokenizer.model): the model's <s> before each text.
Result<std::string> llama_tokenizer(std::string_view spm);

/// T5 (spiece.model): </s> behind each text; <extra_id_0> has the last of `extra_ids` ids behind
/// the pieces, and so on down.
Result<std::string> t5_tokenizer(std::string_view spm, int32_t extra_ids = 100);

/// Marian: source.spm or target.spm with the vocab.json of both; </s> behind each text. A language
/// token such as >>fra<< at the start of a text is the token that vocab.json has.
Result<std::string> marian_tokenizer(std::string_view spm, std::string_view vocabulary);

/// M2M100 (sentencepiece.bpe.model, vocab.json): __en__ before and </s> behind each text. The
/// tokens of the languages stand behind the vocabulary.
Result<std::string> m2m100_tokenizer(std::string_view spm, std::string_view vocabulary,
                                     std::string_view language);

/// NLLB-200 (sentencepiece.bpe.model): eng_Latn before and </s> behind each text.
Result<std::string> nllb_tokenizer(std::string_view spm, std::string_view language);

/// mBART (sentencepiece.bpe.model): </s> and en_XX behind each text.
Result<std::string> mbart_tokenizer(std::string_view spm, std::string_view language);

/// mBART-50 (sentencepiece.bpe.model): en_XX before and </s> behind each text.
Result<std::string> mbart50_tokenizer(std::string_view spm, std::string_view language);

}  // namespace lanewise::converters
