#include "serve/http/router.hpp"

#include <charconv>
#include <exception>
#include <new>
#include <utility>

#include <httplib.h>

#include "serve/http/socket_stream.hpp"

namespace lanewise::serve {
namespace {

constexpr int kMostRequestsOfAConnection = 10'000;

/// The connection that this thread serves: cpp-httplib hands its own request to handlers.
thread_local SocketStream* t_stream = nullptr;
/// Whether it must be closed, because the body of the request has not been read.
thread_local bool t_unread = false;

/// A request that counts as active until it has been answered.
class Admission {
 public:
  Admission(std::atomic<int64_t>& active, int64_t most) : active_(active) {
    admitted_ = active_.fetch_add(1) < most;
  }
  ~Admission() { active_.fetch_sub(1); }
  Admission(const Admission&) = delete;
  Admission& operator=(const Admission&) = delete;
  bool admitted() const noexcept { return admitted_; }

 private:
  std::atomic<int64_t>& active_;
  bool admitted_ = false;
};

/// As httplib::Response takes it.
void put(Reply reply, httplib::Response& response) {
  response.status = reply.status;
  for (const auto& [name, value] : reply.headers) response.set_header(name, value);
  if (reply.retry_after > 0) {
    response.set_header("Retry-After", std::to_string(reply.retry_after));
  }
  if (!reply.stream) {
    response.set_content(reply.body, reply.type);
    return;
  }
  response.set_header("Cache-Control", "no-cache");
  response.set_chunked_content_provider(reply.type, [stream = std::move(reply.stream)](
                                                        size_t, httplib::DataSink& sink) {
    const bool complete =
        stream([&sink](std::string_view piece) { return sink.write(piece.data(), piece.size()); });
    if (complete) sink.done();
    return complete;
  });
}

/// The number of a Content-Length header; false if it is none.
bool parse_length(const std::string& text, uint64_t& length) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

/// The parts of cpp-httplib that read a request and write its answer. Its own loop, which accepts
/// connections and waits on them, is not used: it cannot tell a handler that the client has gone,
/// and ends streams half-way when the server ends.
class Router::Impl : public httplib::Server {
 public:
  Impl(std::vector<Route> routes, Settings settings);

  void serve(SocketStream& stream, const std::function<bool()>& ending);
  int64_t active() const noexcept { return active_.load(); }

 private:
  void answer(const Route& route, httplib::Response& response,
              const httplib::ContentReader* reader);
  Reply answer_body(const Route& route, httplib::Response& response,
                    const httplib::ContentReader* reader);
  template <typename Prepare>
  bool process(SocketStream& stream, bool last, bool& closes, const Prepare& prepare);
  const Route* find(const httplib::Request& request, bool& other_method) const;
  bool refused(const httplib::Request& request, httplib::Response& response);
  bool bad_length(const httplib::Request& request, ErrorStyle style, httplib::Response& response);

  std::vector<Route> routes_;
  Settings settings_;
  std::atomic<int64_t> active_{0};
};

Router::Impl::Impl(std::vector<Route> routes, Settings settings)
    : routes_(std::move(routes)), settings_(std::move(settings)) {
  // It sends no chunk where it believes that it is shutting down.
  svr_sock_ = 0;
  set_keep_alive_max_count(kMostRequestsOfAConnection);
  set_keep_alive_timeout(
      std::chrono::duration_cast<std::chrono::seconds>(settings_.limits.idle_time).count());
  set_pre_routing_handler([this](const httplib::Request& request, httplib::Response& response) {
    return refused(request, response) ? HandlerResponse::Handled : HandlerResponse::Unhandled;
  });
  set_exception_handler(
      // NOLINTNEXTLINE(performance-unnecessary-value-param): cpp-httplib's signature
      [](const httplib::Request&, httplib::Response& response, std::exception_ptr) {
        t_stream->status = 503;
        put(error_reply(ErrorStyle::kOpenAi, 503, "out of memory"), response);
      });
  set_error_handler([](const httplib::Request&, httplib::Response& response) {
    if (!response.body.empty()) return;
    t_unread = true;  // what cpp-httplib itself did not like: who knows where the next one begins
    t_stream->status = response.status;
    put(error_reply(ErrorStyle::kTei, response.status, "the request is not valid HTTP"), response);
  });
  for (const Route& route : routes_) {
    const std::string pattern = std::regex_replace(route.path, std::regex("\\."), "\\.");
    if (route.method == "GET") {
      Get(pattern, [this, &route](const httplib::Request&, httplib::Response& response) {
        answer(route, response, nullptr);
      });
    } else {
      Post(pattern, [this, &route](const httplib::Request&, httplib::Response& response,
                                   const httplib::ContentReader& reader) {
        answer(route, response, &reader);
      });
    }
  }
}

/// Reads a request and writes its answer. cpp-httplib wants the addresses of both ends since 0.18, for
/// headers that we do not read. A template, so that the call which it has not is not compiled.
template <typename Prepare>
bool Router::Impl::process(SocketStream& stream, bool last, bool& closes, const Prepare& prepare) {
  if constexpr (requires { process_request(stream, last, closes, prepare); }) {
    return process_request(stream, last, closes, prepare);
  } else {
    return process_request(stream, "", 0, "", 0, last, closes, prepare);
  }
}

void Router::Impl::serve(SocketStream& stream, const std::function<bool()>& ending) {
  t_stream = &stream;
  for (int i = 1; stream.begin_request(); ++i) {
    t_unread = false;
    const bool last = i == kMostRequestsOfAConnection || ending();
    bool closes = false;
    const auto prepare = [&](httplib::Request& request) {
      stream.method = request.method;
      stream.path = request.path;
      stream.begin_body();
      // Parts of an answer make no sense here, and the time to compress it is that of a model.
      request.ranges.clear();
      request.headers.erase("Accept-Encoding");
    };
    const bool written = process(stream, last, closes, prepare);
    settings_.done(stream);
    if (!written || closes || last || t_unread) break;
  }
  stream.close_gently();
  t_stream = nullptr;
}

/// The route, and whether the path has only others.
const Route* Router::Impl::find(const httplib::Request& request, bool& other_method) const {
  const bool head = request.method == "HEAD";
  for (const Route& route : routes_) {
    if (route.path != request.path) continue;
    if (route.method == request.method || (head && route.method == "GET")) return &route;
    other_method = true;
  }
  return nullptr;
}

/// Refuses what can be refused before the body is read.
bool Router::Impl::refused(const httplib::Request& request, httplib::Response& response) {
  t_unread = (request.method != "GET" && request.method != "HEAD") ||
             request.has_header("Content-Length") || request.has_header("Transfer-Encoding");
  const ErrorStyle style =
      request.path.starts_with("/v1/") ? ErrorStyle::kOpenAi : ErrorStyle::kTei;
  const auto refuse = [&](int status, std::string_view message) {
    put(error_reply(style, status, message), response);
    t_stream->status = response.status;
    if (t_unread) response.set_header("Connection", "close");
    return true;
  };
  bool other_method = false;
  const Route* route = find(request, other_method);
  if (route == nullptr && other_method) {
    response.set_header("Allow", request.method == "POST" ? "GET, HEAD" : "POST");
    return refuse(405, request.method + " is not for " + request.path);
  }
  // Without a key nobody learns which paths there are.
  if (settings_.keys.required() && (route == nullptr || route->needs_key) &&
      !settings_.keys.allows(request.get_header_value("Authorization"))) {
    response.set_header("WWW-Authenticate", "Bearer");
    return refuse(401, "the Authorization header has no valid API key");
  }
  if (route == nullptr) return refuse(404, "there is nothing at " + request.path);
  return route->method == "POST" && bad_length(request, style, response);
}

bool Router::Impl::bad_length(const httplib::Request& request, ErrorStyle style,
                              httplib::Response& response) {
  const auto refuse = [&](int status, std::string_view message) {
    put(error_reply(style, status, message), response);
    t_stream->status = response.status;
    response.set_header("Connection", "close");
    return true;
  };
  if (request.is_multipart_form_data()) return refuse(415, "the body: expected application/json");
  if (request.has_header("Transfer-Encoding")) {
    if (!request.has_header("Content-Length")) return false;
    return refuse(400, "Content-Length and Transfer-Encoding exclude each other");
  }
  if (!request.has_header("Content-Length")) return refuse(411, "Content-Length is missing");
  uint64_t length = 0;
  if (request.get_header_value_count("Content-Length") > 1 ||
      !parse_length(request.get_header_value("Content-Length"), length)) {
    return refuse(400, "Content-Length: expected a number");
  }
  if (length <= settings_.limits.body_bytes) return false;
  return refuse(413, "the body has " + std::to_string(length) + " bytes, at most " +
                         std::to_string(settings_.limits.body_bytes) + " are allowed");
}

void Router::Impl::answer(const Route& route, httplib::Response& response,
                          const httplib::ContentReader* reader) {
  Reply reply = answer_body(route, response, reader);
  t_stream->status = reply.status;
  if (t_unread) response.set_header("Connection", "close");
  put(std::move(reply), response);
}

Reply Router::Impl::answer_body(const Route& route, httplib::Response& response,
                                const httplib::ContentReader* reader) {
  std::string body;
  bool too_long = false;
  if (reader != nullptr) {
    const bool complete = (*reader)([&](const char* bytes, size_t count) {
      too_long = body.size() + count > settings_.limits.body_bytes;
      if (!too_long) body.append(bytes, count);
      return !too_long;
    });
    if (too_long) {
      return error_reply(route.style, 413,
                         "the body has more than the " +
                             std::to_string(settings_.limits.body_bytes) +
                             " bytes that are allowed");
    }
    if (!complete) return error_reply(route.style, 400, "the body is incomplete");
    response.status = -1;
    t_unread = false;
  }
  if (route.method == "GET") return route.answer(*t_stream, body);
  // It holds until the answer is written, also piece by piece.
  auto admission = std::make_shared<Admission>(active_, settings_.limits.requests);
  if (!admission->admitted()) {
    return error_reply(route.style, 429,
                       "the server is working on " + std::to_string(settings_.limits.requests) +
                           " requests already");
  }
  Reply reply = route.answer(*t_stream, body);
  if (reply.stream) {
    reply.stream = [stream = std::move(reply.stream), admission](const WritePiece& write) {
      return stream(write);
    };
  }
  return reply;
}

Router::Router(std::vector<Route> routes, Settings settings)
    : impl_(std::make_unique<Impl>(std::move(routes), std::move(settings))) {}
Router::~Router() = default;

void Router::serve(SocketStream& stream, const std::function<bool()>& ending) noexcept {
  try {
    impl_->serve(stream, ending);
  } catch (const std::exception&) {
    // Out of memory outside a handler: the connection ends without an answer, the server goes on.
  }
}

int64_t Router::active() const noexcept { return impl_->active(); }

}  // namespace lanewise::serve
