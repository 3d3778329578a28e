#include "serve/http/listener.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace lanewise::serve {
namespace {

// Clients that all come at once wait here, and not for a second try after a second.
constexpr int kBacklog = 1024;
constexpr std::chrono::milliseconds kPauseWithoutDescriptors{10};
// A client that is still sending its request when we close never reads the answer: its system drops
// it. So refused connections stay open for a moment, but not too many of them.
constexpr std::chrono::milliseconds kRefusedTime{300};
constexpr size_t kMostRefused = 64;

Status listen_error(const std::string& host, int port, const std::string& why) {
  return io_error("cannot listen at port " + std::to_string(port) + " of '" + host + "': " + why);
}

std::string system_message(int error) { return std::generic_category().message(error); }

/// A socket that listens at one of the addresses, or -1 with errno.
int listening_socket(const addrinfo* addresses) {
  for (const addrinfo* one = addresses; one != nullptr; one = one->ai_next) {
    const int descriptor =
        ::socket(one->ai_family, one->ai_socktype | SOCK_CLOEXEC, one->ai_protocol);
    if (descriptor < 0) continue;
    // After a restart the port is ours again at once.
    const int on = 1;
    ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (::bind(descriptor, one->ai_addr, one->ai_addrlen) == 0 &&
        ::listen(descriptor, kBacklog) == 0) {
      return descriptor;
    }
    const int error = errno;
    ::close(descriptor);
    errno = error;
  }
  return -1;
}

int port_of(int descriptor) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  const bool six = address.ss_family == AF_INET6;
  return ntohs(six ? reinterpret_cast<const sockaddr_in6*>(&address)->sin6_port
                   : reinterpret_cast<const sockaddr_in*>(&address)->sin_port);
}

}  // namespace

Result<std::unique_ptr<Listener>> Listener::open(const std::string& host, int port,
                                                 const Limits& limits) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* addresses = nullptr;
  const int found = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &addresses);
  if (found != 0) return listen_error(host, port, ::gai_strerror(found));
  const int descriptor = listening_socket(addresses);
  const int error = errno;
  ::freeaddrinfo(addresses);
  if (descriptor < 0) return listen_error(host, port, system_message(error));
  const int end = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (end < 0) {
    const int why = errno;
    ::close(descriptor);
    return listen_error(host, port, system_message(why));
  }
  return std::unique_ptr<Listener>(new Listener(descriptor, end, port_of(descriptor), limits));
}

Listener::Listener(int descriptor, int end, int port, const Limits& limits)
    : descriptor_(descriptor), end_(end), port_(port), limits_(limits) {}

Listener::~Listener() {
  drain({});
  ::close(descriptor_);
  ::close(end_);
}

void Listener::start(Serve serve) {
  serve_ = std::move(serve);
  acceptor_ = std::thread([this] { accept_all(); });
}

void Listener::accept_all() {
  while (!draining_.load()) {
    pollfd polled[2] = {{.fd = descriptor_, .events = POLLIN, .revents = 0},
                        {.fd = end_, .events = POLLIN, .revents = 0}};
    const int ready =
        ::poll(polled, 2, refused_.empty() ? -1 : static_cast<int>(kRefusedTime.count()));
    close_refused(std::chrono::steady_clock::now());
    if (ready < 0 || polled[0].revents == 0) continue;
    const int descriptor = ::accept4(descriptor_, nullptr, nullptr, SOCK_CLOEXEC);
    join_ended();
    if (descriptor >= 0) {
      admit(descriptor);
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
      // The connection stays in the backlog until another one has ended.
      std::this_thread::sleep_for(kPauseWithoutDescriptors);
    }
  }
  close_refused(std::chrono::steady_clock::time_point::max());
}

void Listener::admit(int descriptor) {
  const std::lock_guard lock(mutex_);
  if (static_cast<int64_t>(connections_.size()) >= limits_.connections) return refuse(descriptor);
  bool owned = false;
  try {
    std::list<Connection> made(1);
    Connection& connection = made.front();
    connection.stream = std::make_unique<SocketStream>(descriptor, end_, limits_);
    owned = true;
    connection.thread = std::thread([this, &connection] { run(connection); });
    connections_.splice(connections_.end(), made);
  } catch (const std::exception&) {  // no memory, or no thread
    if (!owned) refuse(descriptor);
  }
}

void Listener::run(Connection& connection) {
  serve_(*connection.stream);
  const std::lock_guard lock(mutex_);
  connection.stream.reset();  // closes it; the thread may be joined much later
  one_ended_.notify_all();
}

/// Answers without reading, and without waiting for the client.
void Listener::refuse(int descriptor) {
  constexpr std::string_view kAnswer =
      "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n"
      "Content-Type: application/json\r\nContent-Length: 72\r\n\r\n"
      R"({"error":"the server has too many connections","error_type":"Unhealthy"})";
  static_cast<void>(
      ::send(descriptor, kAnswer.data(), kAnswer.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
  ::shutdown(descriptor, SHUT_WR);
  const auto now = std::chrono::steady_clock::now();
  try {
    refused_.push_back({.descriptor = descriptor, .until = now + kRefusedTime});
  } catch (const std::exception&) {  // no memory
    ::close(descriptor);
  }
  if (refused_.size() > kMostRefused) close_refused(refused_.front().until);
}

void Listener::close_refused(std::chrono::steady_clock::time_point now) {
  while (!refused_.empty() && refused_.front().until <= now) {
    ::close(refused_.front().descriptor);
    refused_.pop_front();
  }
}

void Listener::join_ended() {
  std::list<Connection> ended;
  {
    const std::lock_guard lock(mutex_);
    for (auto one = connections_.begin(); one != connections_.end();) {
      const auto next = std::next(one);
      if (one->stream == nullptr) ended.splice(ended.end(), connections_, one);
      one = next;
    }
  }
  for (Connection& one : ended) one.thread.join();
}

void Listener::drain(std::chrono::milliseconds time) {
  draining_.store(true);
  const uint64_t one = 1;
  static_cast<void>(::write(end_, &one, sizeof one));
  if (acceptor_.joinable()) acceptor_.join();
  const auto all_ended = [this] { return count_open() == 0; };
  {
    std::unique_lock lock(mutex_);
    if (!one_ended_.wait_for(lock, time, all_ended)) {
      for (const Connection& connection : connections_) {
        if (connection.stream != nullptr) connection.stream->interrupt();
      }
      one_ended_.wait(lock, all_ended);
    }
  }
  join_ended();
}

int64_t Listener::connections() const {
  const std::lock_guard lock(mutex_);
  return count_open();
}

int64_t Listener::count_open() const {
  int64_t open = 0;
  for (const Connection& connection : connections_) open += connection.stream != nullptr ? 1 : 0;
  return open;
}

}  // namespace lanewise::serve
