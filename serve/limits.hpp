#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace lanewise::serve {

/// What clients may ask for. A request beyond a limit is refused, and the message names the limit.
struct Limits {
  size_t body_bytes = size_t{8} << 20;
  int64_t texts = 2048;  ///< of a request
  int64_t tokens =
      1'000'000;           ///< of a request: those of its texts or prompts, and those it asks for
  int64_t requests = 256;  ///< at once, worked on and waiting; others get 429
  int64_t connections = 512;                        ///< at once; others get 503
  std::chrono::milliseconds request_time{600'000};  ///< until a request is answered
  std::chrono::milliseconds read_time{30'000};      ///< until a request that has begun is complete
  std::chrono::milliseconds write_time{30'000};     ///< that a client may take to read on
  std::chrono::milliseconds idle_time{60'000};      ///< of a connection between two requests
  std::chrono::milliseconds drain_time{30'000};     ///< for requests that run when the server ends
  int64_t batch_tokens = 4096;                      ///< of requests that an encoder reads together
  std::chrono::milliseconds batch_delay{0};         ///< that a batch waits to become full
};

}  // namespace lanewise::serve
