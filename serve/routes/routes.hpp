#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "serve/http/exchange.hpp"
#include "serve/http/reply.hpp"
#include "serve/http/router.hpp"
#include "serve/limits.hpp"
#include "serve/models.hpp"

namespace lanewise::serve {

/// What the routes answer from. All of it outlives the requests.
struct Served {
  const Models* models = nullptr;
  const Limits* limits = nullptr;
  std::function<bool()> draining;
  std::function<std::string()> metrics_text;
};

#define LW_ROUTE(method, path, style, key, function) \
  Reply function(const Served& served, Exchange& exchange, std::string_view body);
#include "serve/routes/routes.def"
#undef LW_ROUTE

/// All routes. `served` outlives them.
std::vector<Route> all_routes(const Served& served);

}  // namespace lanewise::serve
