#pragma once

#include <string>

#include "converters/gguf/fields.hpp"
#include "converters/gguf/vocabulary.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// The tokenizer of a GGUF as a tokenizer.json with the extensions of runtime/text. Its ids are
/// those of llama.cpp for any text: with special tokens in the text recognised, and with those that
/// are added around it.
///
/// `fields` are those of `tokenizer.ggml.`. Fails with kUnsupported for another model or
/// pre-tokenizer, naming it; with kDataLoss for metadata that contradict each other.
Result<std::string> gguf_tokenizer_json(const GgufFields& fields, const GgufVocabulary& vocabulary);

}  // namespace lanewise::converters
