#pragma once

#include "lanewise/status_macros.hpp"

/// The public macros under the library's own prefix.
#define LW_RETURN_IF_ERROR(expression) LANEWISE_RETURN_IF_ERROR(expression)
#define LW_ASSIGN_OR_RETURN(declaration, expression) \
  LANEWISE_ASSIGN_OR_RETURN(declaration, expression)
