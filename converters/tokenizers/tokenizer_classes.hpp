#pragma once

#include <span>
#include <string>
#include <string_view>

#include "lanewise/status.hpp"

namespace lanewise::converters {

// What Transformers' tokenizer classes do by themselves. Names are without "Fast".

/// A special token that a class has by default.
struct ClassToken {
  std::string_view setting;
  std::string_view content;
  bool lstrip = false;
};

/// BertTokenizer, by any of its names: BERT's normalizer, then WordPiece with vocab.txt.
bool is_bert_class(std::string_view name);
/// MPNet's: BERT's normalizer and WordPiece with RoBERTa's special tokens.
bool is_mpnet_class(std::string_view name);
/// RoBERTa's and BART's: byte-level BPE, <s> and </s> around a text.
bool is_roberta_class(std::string_view name);
bool is_gpt2_class(std::string_view name);

/// The tokens of the classes above, of XLM-RoBERTa's, CamemBERT's, ALBERT's, DeBERTa's, HerBERT's,
/// Marian's and M2M100's; empty for others.
std::span<const ClassToken> class_tokens(std::string_view name);

/// Fails with kUnsupported, naming it, for a class that splits text in its own code, whatever files
/// the folder has. Unknown classes are accepted: Transformers reads tokenizer.json for them.
Status check_tokenizer_class(const std::string& name);

}  // namespace lanewise::converters
