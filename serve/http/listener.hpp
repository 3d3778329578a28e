#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "lanewise/status.hpp"
#include "serve/http/socket_stream.hpp"

namespace lanewise::serve {

/// Accepts connections, and gives each a thread, which the most of its time waits.
class Listener {
 public:
  /// Answers a connection until it ends. Must not throw.
  using Serve = std::function<void(SocketStream& stream)>;

  /// Listens at `port` of `host`, a name or an address; port 0: any that is free. `limits` outlive
  /// it. Fails with kIo, naming both.
  static Result<std::unique_ptr<Listener>> open(const std::string& host, int port,
                                                const Limits& limits);
  /// Ends as drain() with no time.
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  int port() const noexcept { return port_; }
  /// Begins to accept. Once.
  void start(Serve serve);
  /// Accepts no longer, and waits until all connections have ended: idle ones at once, busy ones
  /// after their answer. After `time` those that are left are broken off.
  void drain(std::chrono::milliseconds time);
  bool draining() const noexcept { return draining_.load(); }
  int64_t connections() const;

 private:
  struct Connection {
    std::unique_ptr<SocketStream> stream;  // null once it has ended
    std::thread thread;
  };

  /// A connection that has been refused, and the time until which its client may read why.
  struct Refused {
    int descriptor;
    std::chrono::steady_clock::time_point until;
  };

  Listener(int descriptor, int end, int port, const Limits& limits);
  void accept_all();
  void admit(int descriptor);
  void run(Connection& connection);
  void join_ended();
  void refuse(int descriptor);
  void close_refused(std::chrono::steady_clock::time_point now);
  int64_t count_open() const;

  const int descriptor_;
  const int end_;  // readable once the server ends
  const int port_;
  const Limits& limits_;
  Serve serve_;
  std::thread acceptor_;
  std::atomic<bool> draining_{false};
  mutable std::mutex mutex_;
  std::condition_variable one_ended_;
  std::list<Connection> connections_;
  std::deque<Refused> refused_;  // of the thread that accepts
};

}  // namespace lanewise::serve
