#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "serve/http/exchange.hpp"
#include "serve/http/keys.hpp"
#include "serve/http/reply.hpp"
#include "serve/limits.hpp"

namespace lanewise::serve {

class SocketStream;

/// A path that the server answers.
struct Route {
  std::string method;  ///< GET or POST
  std::string path;
  ErrorStyle style = ErrorStyle::kTei;
  /// Whether clients need a key, where there are keys.
  bool needs_key = true;
  /// `body` is empty for GET. May throw std::bad_alloc only.
  std::function<Reply(Exchange& exchange, std::string_view body)> answer;
};

/// Reads requests from connections, refuses those that no route has or that are beyond limits, and
/// writes the answers. Thread-safe.
class Router {
 public:
  struct Settings {
    Limits limits;
    ApiKeys keys;
    /// Called when a request has ended, also a refused one. Must not throw.
    std::function<void(const Exchange& exchange)> done;
  };

  Router(std::vector<Route> routes, Settings settings);
  ~Router();

  /// Answers the requests of a connection until it ends. `ending` says that no more should follow.
  /// Does not throw.
  void serve(SocketStream& stream, const std::function<bool()>& ending) noexcept;

  /// Requests that routes are answering.
  int64_t active() const noexcept;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lanewise::serve
