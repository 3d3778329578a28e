#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "lanewise/status.hpp"
#include "lanewise/tensor.hpp"
#include "runtime/file/atomic_file.hpp"

namespace lanewise::file {

/// The beginning of a .npy file, as long for every array. Fails with kInvalidArgument for negative
/// sizes and for other types than kF32 and kI8.
Result<std::string> npy_header(int64_t rows, int64_t columns, DataType type);

/// Writes a [rows, columns] array of float32 or int8 to a .npy file (version 1.0) row by row, so that the
/// array is never in memory as a whole. The file appears under its name at commit().
///
/// Move-only. Thread-compatible.
/// Source: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
class NpyWriter {
 public:
  /// `expected_rows` may be wrong unless `path` is a pipe, where the header cannot be corrected at
  /// the end. Fails with kInvalidArgument for negative sizes and for other types than kF32 and kI8,
  /// and as AtomicFile::create() does.
  static Result<NpyWriter> create(const std::string& path, int64_t columns,
                                  int64_t expected_rows = 0, DataType type = DataType::kF32);

  /// Appends the rows in `values`: `columns` numbers each, a whole number of rows, of the array's
  /// type.
  Status append(std::span<const float> values) {
    return append(DataType::kF32, values.size(), std::as_bytes(values));
  }
  Status append(std::span<const int8_t> values) {
    return append(DataType::kI8, values.size(), std::as_bytes(values));
  }
  /// Completes the file. May be called once.
  Status commit();

 private:
  NpyWriter(AtomicFile file, int64_t columns, int64_t expected_rows, DataType type)
      : file_(std::move(file)), columns_(columns), expected_rows_(expected_rows), type_(type) {}
  Status append(DataType type, size_t count, std::span<const std::byte> bytes);

  AtomicFile file_;
  int64_t columns_;
  int64_t expected_rows_;
  DataType type_;
  int64_t rows_ = 0;
};

}  // namespace lanewise::file
