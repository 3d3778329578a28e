#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "converters/tokenizers/companions.hpp"
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
Result<std::string> t5_tokenizer(std::string_view spm, int32_t extra_ids);

/// Marian: source.spm or target.spm with the vocab.json of both; </s> behind each text. A language
/// code such as >>fra<< at the start of a text is the token that vocab.json has, else the unknown.
Result<std::string> marian_tokenizer(std::string_view spm, std::string_view vocabulary);

/// Where the token of a text's language stands: before the text and </s> behind it, or both behind
/// it, </s> first.
enum class LanguagePlace { kFirst, kLast };

/// M2M100 (sentencepiece.bpe.model, vocab.json): __en__ before and </s> behind each text. The
/// tokens of the languages stand behind the vocabulary. `language_codes` names their list: m2m100
/// or wmt21.
Result<std::string> m2m100_tokenizer(std::string_view spm, std::string_view vocabulary,
                                     std::string_view language,
                                     std::string_view language_codes = "m2m100");

/// NLLB-200 (sentencepiece.bpe.model): eng_Latn before and </s> behind each text; with
/// LanguagePlace::kLast, its `legacy_behaviour`, both behind it.
Result<std::string> nllb_tokenizer(std::string_view spm, std::string_view language,
                                   LanguagePlace place = LanguagePlace::kFirst);

/// mBART (sentencepiece.bpe.model): </s> and en_XX behind each text.
Result<std::string> mbart_tokenizer(std::string_view spm, std::string_view language);

/// mBART-50 (sentencepiece.bpe.model): en_XX before and </s> behind each text.
Result<std::string> mbart50_tokenizer(std::string_view spm, std::string_view language);

/// Pegasus (spiece.model): <pad>, </s>, <mask_1>, <mask_2>, <unk_2>, ..., then the pieces from the
/// third on, `offset` places higher; </s> behind each text.
Result<std::string> pegasus_tokenizer(std::string_view spm, const Companions& companions);

/// ByT5, which has no file: <pad>, </s>, <unk>, the 256 bytes, then <extra_id_0> and so on up; </s>
/// behind each text.
Result<std::string> byt5_tokenizer(const Companions& companions);

/// A tokenizer.json, or JSON of the functions above, whose decoded texts have no spaces before
/// punctuation: `clean_up_tokenization_spaces`. One of BPE stays as it is, as in Transformers.
Result<std::string> with_clean_up(std::string_view tokenizer_json);

/// A tokenizer.json with another template: `language` and </s> around each text. Those of NLLB and
/// mBART say something of their own, which Transformers puts aside.
Result<std::string> with_language(std::string_view tokenizer_json, std::string_view language,
                                  LanguagePlace place);

}  // namespace lanewise::converters
