#pragma once

#include <cstdint>
#include <string>

#include <CLI/CLI.hpp>

#include "lanewise/session.hpp"

namespace lanewise::cli {

/// The flags about the keys and values that a decoder keeps.
class CacheFlags {
 public:
  /// with_bytes  also --cache-bytes, for commands that generate for several texts
  void add_to(CLI::App& command, bool with_bytes);

  /// `session` with what the flags say.
  SessionOptions over(SessionOptions session) const;

 private:
  std::string type_ = "f32";
  int64_t bytes_ = 0;
};

}  // namespace lanewise::cli
