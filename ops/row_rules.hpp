#pragma once

#include <span>
#include <string_view>

#include "ops/row_symbol.hpp"

namespace lanewise::ops {

/// The rows of a node's operands, for a rule to check.
struct NodeRows {
  struct Input {
    RowSymbol rows;
    bool given = false;  ///< an input of the graph: the caller can give it row tables
  };
  std::span<const Input> inputs;  ///< at least one
  RowSymbol output;
};

/// Operators see how many features their operands have, but trust their rows: one that expected a
/// row a token and got a row a sequence would read past the end. So each operator has a rule, which
/// is checked when a graph is read. A rule returns what it expects where the rows do not fit, else
/// an empty text.
using RowRule = std::string_view (*)(const NodeRows& rows);

/// All operands have the same rows.
std::string_view same_rows(const NodeRows& rows);
/// One row a sequence of rows that are tokens.
std::string_view row_per_sequence(const NodeRows& rows);
/// Queries, then keys and values, of the same sequences; the output has the queries' rows.
std::string_view queries_and_keys(const NodeRows& rows);
/// A layer over the tokens of each sequence; the second input, if any, is its initial state.
std::string_view tokens_with_initial_state(const NodeRows& rows);

}  // namespace lanewise::ops
