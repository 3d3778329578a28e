#include "ops/row_rules.hpp"

#include <algorithm>

namespace lanewise::ops {

std::string_view name_of(RowSymbol rows) noexcept {
  switch (rows) {
    case RowSymbol::kSourceTokens:
      return "source_tokens";
    case RowSymbol::kSequences:
      return "sequences";
    case RowSymbol::kTargetTokens:
      return "target_tokens";
    case RowSymbol::kCache:
      return "cache";
    case RowSymbol::kPages:
      return "pages";
    case RowSymbol::kSources:
      break;
  }
  return "sources";
}

std::string_view same_rows(const NodeRows& rows) {
  const bool fits = std::all_of(rows.inputs.begin(), rows.inputs.end(),
                                [&](const auto& input) { return input.rows == rows.output; });
  return fits ? "" : "an output with as many rows as the inputs";
}

std::string_view row_per_sequence(const NodeRows& rows) {
  const bool fits = are_tokens(rows.inputs.front().rows) && rows.output == RowSymbol::kSequences;
  return fits ? "" : "one row per token in, one row per sequence out";
}

std::string_view queries_and_keys(const NodeRows& rows) {
  const RowSymbol queries = rows.inputs.front().rows;
  const RowSymbol keys = rows.inputs.back().rows;
  const bool same_memory = rows.inputs.size() < 3 || rows.inputs[1].rows == keys;
  // Keys and values may be rows of another text.
  const bool fits =
      same_memory && queries == rows.output && are_tokens(queries) && are_tokens(keys);
  return fits ? ""
              : "one row per token; keys and values with the same rows, the output with those of "
                "the queries";
}

std::string_view tokens_with_initial_state(const NodeRows& rows) {
  bool fits =
      rows.inputs.size() <= 2 && rows.inputs.front().rows == rows.output && are_tokens(rows.output);
  if (rows.inputs.size() == 2) fits = fits && rows.inputs[1].rows == RowSymbol::kSequences;
  return fits ? "" : "one row per token, and an initial state with one row per sequence";
}

}  // namespace lanewise::ops
