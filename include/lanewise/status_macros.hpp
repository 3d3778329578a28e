#pragma once

#include <utility>

#include "lanewise/status.hpp"

/// Shorthands for functions that return a Status or a Result. No other public header includes this
/// one, so programs that do not want macros do not get them.

/// Returns the Status of `expression` from the enclosing function unless it is ok.
#define LANEWISE_RETURN_IF_ERROR(expression)             \
  do {                                                   \
    ::lanewise::Status lanewise_status_ = (expression);  \
    if (!lanewise_status_.ok()) return lanewise_status_; \
  } while (false)

#define LANEWISE_CONCAT_INNER_(a, b) a##b
#define LANEWISE_CONCAT_(a, b) LANEWISE_CONCAT_INNER_(a, b)

// NOLINTBEGIN(bugprone-macro-parentheses): `declaration` cannot stand in parentheses.

/// Evaluates a Result; returns its Status on failure, else moves its value into `declaration`:
///
///   LANEWISE_ASSIGN_OR_RETURN(const Model model, Model::open(path));
#define LANEWISE_ASSIGN_OR_RETURN(declaration, expression) \
  LANEWISE_ASSIGN_OR_RETURN_(LANEWISE_CONCAT_(lanewise_result_, __LINE__), declaration, expression)
#define LANEWISE_ASSIGN_OR_RETURN_(result, declaration, expression) \
  auto result = (expression);                                       \
  if (!result.ok()) return result.status();                         \
  declaration = std::move(result).value()

// NOLINTEND(bugprone-macro-parentheses)
