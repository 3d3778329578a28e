#include "serve/server.hpp"

#include <algorithm>
#include <exception>
#include <mutex>
#include <utility>

#include "lanewise/status_macros.hpp"
#include "serve/http/listener.hpp"
#include "serve/http/router.hpp"
#include "serve/metrics.hpp"
#include "serve/routes/routes.hpp"

namespace lanewise::serve {

class Server::Impl {
 public:
  Impl(std::unique_ptr<Models> models, ServerOptions options)
      : models_(std::move(models)), options_(std::move(options)) {
    served_.models = models_.get();
    served_.limits = &options_.limits;
    served_.draining = [this] { return listener_->draining(); };
    served_.metrics_text = [this] {
      return metrics_.text(*models_, router_->active(), listener_->connections());
    };
    router_ = std::make_unique<Router>(
        all_routes(served_),
        Router::Settings{.limits = options_.limits,
                         .keys = options_.keys,
                         .done = [this](const Exchange& exchange) { done(exchange); }});
  }

  Status start() {
    LANEWISE_ASSIGN_OR_RETURN(listener_,
                              Listener::open(options_.host, options_.port, options_.limits));
    listener_->start([this](SocketStream& stream) {
      router_->serve(stream, [this] { return listener_->draining(); });
    });
    return {};
  }

  int port() const noexcept { return listener_->port(); }
  std::vector<Renewal> renew_models() const {
    std::vector<Renewal> renewals;
    for (const auto& slot : models_->all()) {
      const Result<ModelSlot::Change> change = slot->renew();
      if (change.ok() && *change == ModelSlot::Change::kNone) continue;
      renewals.push_back({.name = slot->name(), .status = change.status()});
    }
    return renewals;
  }
  void drain() { listener_->drain(options_.limits.drain_time); }

 private:
  void done(const Exchange& exchange) noexcept {
    try {
      metrics_.count(exchange, is_known(exchange.path));
      if (!options_.log) return;
      const std::string line = log_line(exchange);
      const std::lock_guard lock(log_mutex_);
      options_.log(line);
    } catch (const std::exception&) {
      // Without memory a request is not counted.
    }
  }

  static bool is_known(std::string_view path) {
    constexpr std::string_view kPaths[] = {
#define LW_ROUTE(method, path, style, key, function) path,
#include "serve/routes/routes.def"
#undef LW_ROUTE
    };
    return std::ranges::find(kPaths, path) != std::end(kPaths);
  }

  std::unique_ptr<Models> models_;
  ServerOptions options_;
  Served served_;
  Metrics metrics_;
  std::mutex log_mutex_;
  std::unique_ptr<Router> router_;
  std::unique_ptr<Listener> listener_;  // last: its threads use the others
};

Result<std::unique_ptr<Server>> Server::start(std::unique_ptr<Models> models,
                                              ServerOptions options) {
  auto impl = std::make_unique<Impl>(std::move(models), std::move(options));
  LANEWISE_RETURN_IF_ERROR(impl->start());
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;

int Server::port() const noexcept { return impl_->port(); }
std::vector<Server::Renewal> Server::renew_models() { return impl_->renew_models(); }
void Server::drain() { impl_->drain(); }

}  // namespace lanewise::serve
