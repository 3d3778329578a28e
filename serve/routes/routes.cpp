#include "serve/routes/routes.hpp"

namespace lanewise::serve {

std::vector<Route> all_routes(const Served& served) {
  return {
// NOLINTBEGIN(bugprone-macro-parentheses): the arguments are names and literals.
#define LW_ROUTE(method_, path_, style_, key, function)                  \
  Route{.method = #method_,                                              \
        .path = path_,                                                   \
        .style = ErrorStyle::style_,                                     \
        .needs_key = key,                                                \
        .answer = [&served](Exchange& exchange, std::string_view body) { \
          return function(served, exchange, body);                       \
        }},
#include "serve/routes/routes.def"
#undef LW_ROUTE
      // NOLINTEND(bugprone-macro-parentheses)
  };
}

}  // namespace lanewise::serve
