#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "converters/tokenizers/companions.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

// How families of models use SentencePiece. Each function returns the tokenizer of a folder as JSON
// for FamilyModel::tokenizer, from the bytes of its files. None is called if the folder has a
// tokenizer.json. `spm` is the model file, `vocabulary` is vocab.json. They fail with kDataLoss if
// a file is damaged or contradicts the others; with kUnsupported as read_sentencepiece_file() does;
// with kInvalidArgument for a language that the model does not know.

/// SentencePiece alone: ids are indices of pieces, without special tokens around a text.
Result<std::string> plain_tokenizer(std::string_view spm);

/// LLaMA (tokenizer.model): the model's <s> before each text.
Result<std::string> llama_tokenizer(std::string_view spm);

/// T5 (spiece.model): </s> after each text. `extra_ids` ids follow the pieces; <extra_id_0> has the
/// last of them, <extra_id_1> the one before, and so on.
Result<std::string> t5_tokenizer(std::string_view spm, int32_t extra_ids);

/// Marian: source.spm or target.spm with the vocab.json of both; </s> after each text. A language
/// code such as >>fra<< at the start of a text is the token in vocab.json, or else the unknown one.
Result<std::string> marian_tokenizer(std::string_view spm, std::string_view vocabulary);

/// The place of the language token: before the text, with </s> after it, or after the text and
/// </s>.
enum class LanguagePlace { kFirst, kLast };

/// M2M100 (sentencepiece.bpe.model, vocab.json): __en__ before and </s> after each text. The
/// language tokens follow the vocabulary. `language_codes` names their list: m2m100 or wmt21.
Result<std::string> m2m100_tokenizer(std::string_view spm, std::string_view vocabulary,
                                     std::string_view language,
                                     std::string_view language_codes = "m2m100");

/// NLLB-200 (sentencepiece.bpe.model): eng_Latn before and </s> after each text; with
/// LanguagePlace::kLast, its `legacy_behaviour`, both after it.
Result<std::string> nllb_tokenizer(std::string_view spm, std::string_view language,
                                   LanguagePlace place = LanguagePlace::kFirst);

/// mBART (sentencepiece.bpe.model): </s> and en_XX after each text.
Result<std::string> mbart_tokenizer(std::string_view spm, std::string_view language);

/// mBART-50 (sentencepiece.bpe.model): en_XX before and </s> after each text.
Result<std::string> mbart50_tokenizer(std::string_view spm, std::string_view language);

/// XLM-RoBERTa (sentencepiece.bpe.model): <s> before and </s> after each text, </s></s> between two.
Result<std::string> xlm_roberta_tokenizer(std::string_view spm);

/// CamemBERT (sentencepiece.bpe.model): the same. Its vocabulary has the special tokens of fairseq
/// and, under other ids, those of the model.
Result<std::string> camembert_tokenizer(std::string_view spm);

/// ALBERT (spiece.model): [CLS] before and [SEP] after each text, which is converted to lower case
/// and loses its accents unless `companions` keep them (`do_lower_case`, `keep_accents`).
/// kUnsupported for a model of another type than unigram.
Result<std::string> albert_tokenizer(std::string_view spm, const Companions& companions);

/// DeBERTa v2 and v3 (spm.model): [CLS] before and [SEP] after each text, [MASK] behind the model's
/// pieces. kUnsupported for a model of another type than unigram.
Result<std::string> deberta_v2_tokenizer(std::string_view spm, const Companions& companions);

/// Pegasus (spiece.model): <pad>, </s>, <mask_1>, <mask_2>, <unk_2>, ..., then the pieces from the
/// third on, with ids higher by `offset`; </s> after each text.
Result<std::string> pegasus_tokenizer(std::string_view spm, const Companions& companions);

/// ByT5, which has no file: <pad>, </s>, <unk>, the 256 bytes, then <extra_id_0> and so on; </s>
/// after each text.
Result<std::string> byt5_tokenizer(const Companions& companions);

/// Makes a tokenizer.json, or JSON of the functions above, decode without spaces before punctuation
/// (`clean_up_tokenization_spaces`). BPE tokenizers are not changed, as in Transformers.
Result<std::string> with_clean_up(std::string_view tokenizer_json);

/// Replaces the template of a tokenizer.json: `language` and </s> around each text. Transformers
/// ignores the templates of NLLB and mBART.
Result<std::string> with_language(std::string_view tokenizer_json, std::string_view language,
                                  LanguagePlace place);

}  // namespace lanewise::converters
