#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lanewise/status.hpp"

namespace lanewise::cli {

/// A checksum of bytes that come in pieces; how they are cut makes no difference. It finds damage
/// and changes, not forgery.
class Digest {
 public:
  void add(std::string_view bytes);
  /// 16 hexadecimal digits.
  std::string text() const;

 private:
  std::string block_;  // the checksum of the blocks before it, then its bytes
};

/// Adds the next `bytes` bytes of a file, all up to its end for a negative number. False if it ends
/// before them. Fails, naming `path`, if reading fails.
Result<bool> add_from(int descriptor, const std::string& path, int64_t bytes, Digest& digest);

/// `BYTES-DIGEST` of a file's contents, or of all files in a folder, with their names.
Result<std::string> fingerprint_of_file(const std::string& path);

/// The same of a model on the command line: a model file, a checkpoint folder, or a checkpoint file
/// with what describes it beside it.
Result<std::string> fingerprint_of_model(const std::string& path);

}  // namespace lanewise::cli
