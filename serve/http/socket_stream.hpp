#pragma once

#include <atomic>
#include <chrono>
#include <string>
#include <vector>

#include <httplib.h>

#include "serve/http/exchange.hpp"
#include "serve/limits.hpp"

namespace lanewise::serve {

/// A connection, as cpp-httplib reads requests from it and writes answers to it; and the request
/// that is on it.
///
/// In place of the stream of cpp-httplib: it knows when the client has gone, bounds the time of a
/// whole request instead of that of each read, and the bytes of its header, and wakes up when the
/// server ends. Used by the connection's thread, but for interrupt().
class SocketStream final : public httplib::Stream, public Exchange {
 public:
  /// Owns `descriptor`. `end` is a descriptor that becomes readable when the server ends.
  SocketStream(int descriptor, int end, const Limits& limits);
  ~SocketStream() override;
  SocketStream(const SocketStream&) = delete;
  SocketStream& operator=(const SocketStream&) = delete;

  /// Waits for the first byte of the next request, and begins it. False if the client has closed
  /// the connection, or let idle_time pass, or the server ends and no request has come.
  bool begin_request();
  /// From now on bytes are those of the body.
  void begin_body() noexcept { header_bytes_ = 0; }
  /// Sends what is written, and waits a moment for what the client is still sending: closing with
  /// unread bytes would make its system drop our answer.
  void close_gently();

  /// The server ends now: the running request counts as abandoned. For any thread.
  void interrupt() noexcept;

  bool abandoned() override;

  bool is_readable() const override { return true; }
  bool is_writable() const override;
  ssize_t read(char* bytes, size_t size) override;
  ssize_t write(const char* bytes, size_t size) override;
  // Of no use to us, and a system call each.
  void get_remote_ip_and_port(std::string&, int&) const override {}
  void get_local_ip_and_port(std::string&, int&) const override {}
  /// cpp-httplib only compares it with the largest that select() takes; we poll.
  socket_t socket() const override { return 0; }

 private:
  bool wait(short events, Clock::time_point until) const;
  bool wait_for_request() const;
  ssize_t receive();

  const int descriptor_;
  const int end_descriptor_;
  const Limits& limits_;
  std::vector<char> buffer_;
  size_t begin_ = 0;  // of the bytes that have been received and not read
  size_t end_ = 0;
  size_t header_bytes_ = 0;  // that the header may still have; 0: no limit
  Clock::time_point read_deadline_;
  std::atomic<bool> interrupted_{false};
};

}  // namespace lanewise::serve
