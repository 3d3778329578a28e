#pragma once

#include <string_view>

namespace lanewise::ops {

/// What each row of a value of a graph belongs to. Features are static; the number of rows is known
/// only when a batch arrives.
enum class RowSymbol {
  kSourceTokens,  ///< each token of `input_ids`, sequence after sequence, without padding
  kSequences,     ///< each sequence
  kTargetTokens,  ///< each token of `decoder_input_ids`, sequence after sequence
  kCache,         ///< each slot for a token in a decoder's cache; only in steps of a decoder
  kPages,         ///< each page of a decoder's cache; only in steps of a decoder
  kSources,       ///< each source that sequences of a decoder share; only in steps of a decoder
};
constexpr int kRowSymbols = 6;

std::string_view name_of(RowSymbol rows) noexcept;

constexpr bool are_tokens(RowSymbol rows) noexcept {
  return rows == RowSymbol::kSourceTokens || rows == RowSymbol::kTargetTokens;
}

}  // namespace lanewise::ops
