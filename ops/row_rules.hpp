#pragma once

#include <span>
#include <string_view>

#include "ops/row_symbol.hpp"

namespace lanewise::ops {

/// The rows of a node's operands, for a rule to check.
struct NodeRows {
  struct Input {
    RowSymbol rows;
    bool given = false;  ///< an input of the graph, for which the caller can supply row tables
  };
  std::span<const Input> inputs;  ///< at least one
  RowSymbol output;
};

/// Operators check the features of their operands, but trust their rows: an operator that expected
/// one row per token and got one row per sequence would read past the end. So each operator has a
/// rule, which is checked when a graph is read. A rule returns an empty text if the rows fit, and
/// otherwise what it expects.
using RowRule = std::string_view (*)(const NodeRows& rows);

/// All operands have the same rows.
std::string_view same_rows(const NodeRows& rows);
/// From one row per token to one row per sequence.
std::string_view row_per_sequence(const NodeRows& rows);
/// Queries, then keys and values, of the same sequences; the output has the queries' rows.
std::string_view queries_and_keys(const NodeRows& rows);
/// A layer over the tokens of each sequence; the second input, if any, is its initial state.
std::string_view tokens_with_initial_state(const NodeRows& rows);

}  // namespace lanewise::ops
