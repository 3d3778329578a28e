#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lanewise/model.hpp"
#include "lanewise/session.hpp"
#include "lanewise/status.hpp"
#include "serve/http/keys.hpp"
#include "serve/limits.hpp"
#include "serve/models.hpp"

namespace lanewise::serve {

struct ServerOptions {
  std::string host = "127.0.0.1";  ///< a name or an address; only this machine by default
  int port = 8080;                 ///< 0: any that is free
  ApiKeys keys;                    ///< empty: every client may come
  Limits limits;
  /// Receives a line of JSON for each request. May be empty; must not throw. Called by one thread at
  /// a time.
  std::function<void(std::string_view line)> log;
};

/// An HTTP server for models, with the routes of routes/routes.def.
///
/// Threads: one for each connection, one for each kind of work on a model. Calls of this class come
/// from one thread.
class Server {
 public:
  /// Starts to answer. Fails with kIo if it cannot listen.
  static Result<std::unique_ptr<Server>> start(std::unique_ptr<Models> models,
                                               ServerOptions options);
  /// Ends at once: breaks off what is running.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  int port() const noexcept;

  /// A model whose files have changed, and why it could not be opened again.
  struct Renewal {
    std::string name;
    Status status;  ///< failed: the server goes on with the old one
  };
  /// Opens models again whose files have changed, as ModelSlot::renew(), while requests go on. Those
  /// that have not changed, or are not open yet, are not in the list.
  std::vector<Renewal> renew_models();

  /// Accepts no more connections, answers the requests that have come, and returns when that is
  /// done, or Limits::drain_time has passed.
  void drain();

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace lanewise::serve
