#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "converters/gguf/fields.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// `tokenizer.ggml.token_type`, as numbered there.
enum class GgufTokenType : int32_t {
  kUndefined,
  kNormal,
  kUnknown,
  kControl,
  kUserDefined,
  kUnused,
  kByte,
};

inline constexpr int32_t kNoGgufToken = -1;

struct GgufToken {
  std::string text;
  float score = 0;
  GgufTokenType type = GgufTokenType::kNormal;
  bool strips_right = false;  ///< includes the white space behind it
};

/// The tokens of a GGUF's tokenizer and what they are for.
struct GgufVocabulary {
  std::string model;  ///< `tokenizer.ggml.model`: gpt2, llama, bert
  std::vector<GgufToken> tokens;
  int32_t bos = kNoGgufToken;
  int32_t eos = kNoGgufToken;
  int32_t unk = kNoGgufToken;
  int32_t sep = kNoGgufToken;
  int32_t pad = kNoGgufToken;
  int32_t mask = kNoGgufToken;
  /// Ids that end a text: `eos`, and as in llama.cpp the ends of turns and messages, by their ids
  /// in the metadata or by their names. In ascending order.
  std::vector<int32_t> ends;

  std::string_view text(int32_t id) const { return tokens[static_cast<size_t>(id)].text; }
};

/// `fields` are those of `tokenizer.ggml.`. Tokens that end a text, and a few others that llama.cpp
/// recognises by name, are control tokens whatever their type in the file.
///
/// Fails with kDataLoss, naming the key, for a wrong type, lists of different lengths, a token that
/// is not UTF-8 or there twice, and an id that is not one of the tokens.
/// Source: llama.cpp, llama_vocab::impl::load().
Result<GgufVocabulary> read_gguf_vocabulary(const GgufFields& fields);

/// Whether a token of a text is found before the text is split.
bool is_found_first(GgufTokenType type);

/// The special tokens of Phi-3, which GGUF does not describe: llama.cpp knows them by the model's
/// `name` and lets them include the white space behind them.
void strip_phi3_tokens(std::string_view name, GgufVocabulary* vocabulary);

}  // namespace lanewise::converters
