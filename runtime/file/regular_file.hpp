#pragma once

#include <cstdint>
#include <string>

#include "lanewise/status.hpp"
#include "runtime/file/file_descriptor.hpp"
#include "runtime/file/sink.hpp"

namespace lanewise::file {

/// A regular file that has bytes, open for reading.
struct RegularFile {
  FileDescriptor descriptor;
  uint64_t size = 0;
};

/// Fails for what has no bytes: missing or unreadable files (kNotFound, kIo), directories, devices,
/// pipes (kInvalidArgument), empty files (kDataLoss). Never blocks on a pipe.
Result<RegularFile> open_regular(const std::string& path);

/// The whole of `path` in memory. Fails as open_regular() does, with kDataLoss for a file that gets
/// shorter meanwhile, and with kResourceExhausted where there is no memory for it.
Result<AlignedBuffer> read_regular(const std::string& path);

}  // namespace lanewise::file
