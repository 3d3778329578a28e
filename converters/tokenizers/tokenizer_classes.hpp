#pragma once

#include <span>
#include <string>
#include <string_view>

#include "lanewise/status.hpp"

namespace lanewise::converters {

// What Transformers' tokenizer classes do of their own accord. Names are without "Fast".

/// A special token that a class has where no setting names another.
struct ClassToken {
  std::string_view setting;
  std::string_view content;
  bool lstrip = false;
};

/// BertTokenizer, by whatever name: WordPiece of vocab.txt behind BERT's normalizer.
bool is_bert_class(std::string_view name);
/// RoBERTa's and BART's: byte-level BPE, <s> and </s> around a text.
bool is_roberta_class(std::string_view name);
bool is_gpt2_class(std::string_view name);

/// Those of the classes above, HerBERT's, Marian's and M2M100's; none for others.
std::span<const ClassToken> class_tokens(std::string_view name);

/// kUnsupported, naming it, for a class that splits text by code of its own, whatever files stand
/// in the folder. Classes that nobody knows are fine: Transformers reads tokenizer.json for them.
Status check_tokenizer_class(const std::string& name);

}  // namespace lanewise::converters
