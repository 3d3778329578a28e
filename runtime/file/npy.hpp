#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "lanewise/status.hpp"
#include "runtime/file/atomic_file.hpp"

namespace lanewise::file {

/// Writes a [rows, columns] float32 array to a .npy file (version 1.0) row by row, so that the
/// array is never in memory as a whole. The file appears under its name at commit().
///
/// Move-only. Thread-compatible.
/// Source: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
class NpyWriter {
 public:
  /// `expected_rows` may be wrong unless `path` is a pipe, where the header cannot be corrected at
  /// the end. Fails with kInvalidArgument for negative sizes, and as AtomicFile::create() does.
  static Result<NpyWriter> create(const std::string& path, int64_t columns,
                                  int64_t expected_rows = 0);

  /// Appends the rows in `values`: `columns` floats each, a whole number of rows.
  Status append(std::span<const float> values);
  /// Completes the file. May be called once.
  Status commit();

 private:
  NpyWriter(AtomicFile file, int64_t columns, int64_t expected_rows)
      : file_(std::move(file)), columns_(columns), expected_rows_(expected_rows) {}

  AtomicFile file_;
  int64_t columns_;
  int64_t expected_rows_;
  int64_t rows_ = 0;
};

}  // namespace lanewise::file
