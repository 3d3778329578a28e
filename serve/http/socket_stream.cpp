#include "serve/http/socket_stream.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace lanewise::serve {
namespace {

constexpr size_t kBufferBytes = 16 * 1024;
// Of the request line and all header lines. cpp-httplib limits each line only once it is complete.
constexpr size_t kHeaderBytes = 64 * 1024;
constexpr size_t kLingerBytes = size_t{1} << 20;
constexpr std::chrono::milliseconds kLingerTime{500};

int milliseconds_until(std::chrono::steady_clock::time_point until) {
  using std::chrono::duration_cast;
  using std::chrono::milliseconds;
  const auto left = until - std::chrono::steady_clock::now();
  // Rounded up, so that a wait never ends just before its time again and again.
  const auto count = duration_cast<milliseconds>(left).count() + 1;
  return static_cast<int>(std::clamp<int64_t>(count, 0, 3'600'000));
}

}  // namespace

SocketStream::SocketStream(int descriptor, int end, const Limits& limits)
    : descriptor_(descriptor), end_descriptor_(end), limits_(limits), buffer_(kBufferBytes) {
  // Header and body of an answer are written one after the other; Nagle would hold the second.
  const int on = 1;
  ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

SocketStream::~SocketStream() { ::close(descriptor_); }

/// Until the socket is ready. False when the time has come, or polling fails.
bool SocketStream::wait(short events, Clock::time_point until) const {
  while (true) {
    pollfd polled{.fd = descriptor_, .events = events, .revents = 0};
    const int ready = ::poll(&polled, 1, milliseconds_until(until));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
    if (Clock::now() >= until) return false;
  }
}

bool SocketStream::wait_for_request() const {
  const auto until = Clock::now() + limits_.idle_time;
  while (Clock::now() < until) {
    pollfd polled[2] = {{.fd = descriptor_, .events = POLLIN, .revents = 0},
                        {.fd = end_descriptor_, .events = POLLIN, .revents = 0}};
    if (::poll(polled, 2, milliseconds_until(until)) < 0 && errno != EINTR) return false;
    if (polled[0].revents != 0) return true;  // also if the server ends: the request is there
    if (polled[1].revents != 0) return false;
  }
  return false;
}

bool SocketStream::begin_request() {
  if (begin_ == end_ && (!wait_for_request() || receive() <= 0)) return false;
  started = Clock::now();
  deadline = started + limits_.request_time;
  read_deadline_ = started + limits_.read_time;
  header_bytes_ = kHeaderBytes;
  method.clear();
  path.clear();
  model.clear();
  status = 0;
  prompt_tokens = 0;
  generated_tokens = 0;
  return true;
}

void SocketStream::close_gently() {
  ::shutdown(descriptor_, SHUT_WR);
  const auto until = Clock::now() + kLingerTime;
  size_t left = kLingerBytes;
  while (left > 0 && wait(POLLIN, until)) {
    const ssize_t count = ::recv(descriptor_, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (count <= 0) break;
    left -= std::min(left, static_cast<size_t>(count));
  }
}

void SocketStream::interrupt() noexcept {
  interrupted_.store(true);
  ::shutdown(descriptor_, SHUT_RDWR);
}

bool SocketStream::abandoned() {
  if (interrupted_.load()) return true;
  char byte = 0;
  const ssize_t count = ::recv(descriptor_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return count == 0 || (count < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

bool SocketStream::is_writable() const { return wait(POLLOUT, Clock::now() + limits_.write_time); }

/// Fills the buffer, which is empty. As recv().
ssize_t SocketStream::receive() {
  ssize_t count = -1;
  do {
    count = ::recv(descriptor_, buffer_.data(), buffer_.size(), 0);
  } while (count < 0 && errno == EINTR);
  begin_ = 0;
  end_ = count > 0 ? static_cast<size_t>(count) : 0;
  return count;
}

ssize_t SocketStream::read(char* bytes, size_t size) {
  if (begin_ == end_) {
    if (!wait(POLLIN, read_deadline_)) return -1;
    const ssize_t count = receive();
    if (count <= 0) return count;
  }
  size_t count = std::min(size, end_ - begin_);
  if (header_bytes_ > 0) {
    if (header_bytes_ <= count) return -1;
    header_bytes_ -= count;
  }
  std::copy_n(buffer_.data() + begin_, count, bytes);
  begin_ += count;
  return static_cast<ssize_t>(count);
}

ssize_t SocketStream::write(const char* bytes, size_t size) {
  while (true) {
    // MSG_NOSIGNAL: a client that is gone is no reason to end the process.
    const ssize_t count = ::send(descriptor_, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count >= 0) return count;
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) return -1;
    if (!is_writable()) return -1;
  }
}

}  // namespace lanewise::serve
