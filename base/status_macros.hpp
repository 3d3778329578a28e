#pragma once

#include "lanewise/status.hpp"

/// Returns the Status of `expression` from the enclosing function unless it is ok.
#define LW_RETURN_IF_ERROR(expression)            \
  do {                                            \
    ::lanewise::Status lw_status_ = (expression); \
    if (!lw_status_.ok()) return lw_status_;      \
  } while (false)

#define LW_CONCAT_INNER(a, b) a##b
#define LW_CONCAT(a, b) LW_CONCAT_INNER(a, b)

// NOLINTBEGIN(bugprone-macro-parentheses): `declaration` cannot stand in parentheses.

/// Evaluates a Result; returns its Status on failure, else moves its value into `declaration`.
#define LW_ASSIGN_OR_RETURN(declaration, expression) \
  LW_ASSIGN_OR_RETURN_IMPL(LW_CONCAT(lw_result_, __LINE__), declaration, expression)
#define LW_ASSIGN_OR_RETURN_IMPL(result, declaration, expression) \
  auto result = (expression);                                     \
  if (!result.ok()) return result.status();                       \
  declaration = std::move(result).value()

// NOLINTEND(bugprone-macro-parentheses)
