#pragma once

#include <cstdint>
#include <string>

#include "lanewise/status.hpp"
#include "runtime/file/file_descriptor.hpp"
#include "runtime/file/sink.hpp"

namespace lanewise::file {

/// A non-empty regular file, open for reading.
struct RegularFile {
  FileDescriptor descriptor;
  uint64_t size = 0;
};

/// Fails for missing or unreadable files (kNotFound, kIo), directories, devices and pipes
/// (kInvalidArgument), and empty files (kDataLoss). Never blocks on a pipe.
Result<RegularFile> open_regular(const std::string& path);

/// Reads all of `path` into memory. Fails as open_regular() does, with kDataLoss if the file is
/// truncated while it is read, and with kResourceExhausted if there is not enough memory.
Result<AlignedBuffer> read_regular(const std::string& path);

}  // namespace lanewise::file
