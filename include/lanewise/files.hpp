#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "lanewise/export.hpp"
#include "lanewise/status.hpp"
#include "lanewise/tensor.hpp"

/// Reads and writes safetensors files, and writes NumPy's .npy files. Files appear completely or
/// not at all.

namespace lanewise {

/// A file that appears under its name completely or not at all.
///
/// Bytes are written to a temporary file in the same folder; commit() flushes it to disk and
/// renames it over the destination. Until then, and after any failure, the destination is
/// unchanged. An object that is destroyed without commit() leaves nothing behind. Programs that
/// have mapped the old file keep the old bytes.
///
/// A device or a pipe cannot be replaced and is written to directly. If the destination is a
/// symbolic link, the file that it points to is replaced. A replaced file keeps its permissions.
///
/// Not thread-safe.
class LANEWISE_EXPORT AtomicFile {
 public:
  /// Fails, naming the path and the reason, if the folder is missing or not writable, or if `path`
  /// is a folder or a file that may not be written. Waits for the reader if `path` is a pipe.
  static Result<AtomicFile> create(const std::string& path);

  AtomicFile(AtomicFile&&) noexcept;
  AtomicFile& operator=(AtomicFile&&) noexcept;
  ~AtomicFile();

  /// Appends. After a write has failed, all later calls fail in the same way.
  Status write(std::span<const std::byte> bytes);
  Status write(std::string_view text);
  /// Replaces bytes that have been written, from `offset` on; fails on pipes.
  Status overwrite(uint64_t offset, std::string_view text);
  /// Moves the file to its name. Call it once; nothing can be written afterwards.
  Status commit();

 private:
  friend Status write_safetensors(AtomicFile& file, const TensorMap& tensors);

  class Impl;
  explicit AtomicFile(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Reads all tensors of the safetensors file at `path` into memory.
///
/// Omits tensors with element types that DataType lacks. Fails with kNotFound or kIo if the file
/// cannot be read; with kDataLoss if it is not a complete safetensors file.
/// Source: https://github.com/huggingface/safetensors#format
LANEWISE_EXPORT Result<TensorMap> read_safetensors(const std::string& path);

/// The same for `bytes`, the contents of a whole file. Messages begin with `label`, usually its
/// path.
LANEWISE_EXPORT Result<TensorMap> parse_safetensors(std::span<const std::byte> bytes,
                                                    std::string_view label);

/// Writes `tensors` to `file` as a complete safetensors file. The same tensors give the same bytes.
///
/// Fails with kInvalidArgument for a name that is empty, reserved or not UTF-8, and as
/// AtomicFile::write() does.
LANEWISE_EXPORT Status write_safetensors(AtomicFile& file, const TensorMap& tensors);

/// The XXH64 checksum of `bytes`, with seed 0. It finds damage and changes, not forgery.
/// Source: https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md
LANEWISE_EXPORT uint64_t checksum(std::span<const std::byte> bytes) noexcept;

/// The bytes with which a .npy file of a [rows, columns] array begins; its numbers follow them. As long
/// for every array, so that it can be replaced once the number of rows is known.
///
/// Fails with kInvalidArgument for negative sizes and for other types than kF32 and kI8. Thread-safe.
LANEWISE_EXPORT Result<std::string> npy_header(int64_t rows, int64_t columns, DataType type);

/// Writes a [rows, columns] array of float32 or int8 as a .npy file (version 1.0), row by row, so that the
/// array need not be in memory as a whole. The file appears under its name at commit().
///
/// Not thread-safe.
/// Source: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
class LANEWISE_EXPORT NpyWriter {
 public:
  /// `expected_rows` may be wrong unless `path` is a pipe, whose header cannot be corrected at the
  /// end. Fails with kInvalidArgument for negative sizes and for other types than kF32 and kI8, and
  /// as AtomicFile::create() does.
  static Result<NpyWriter> create(const std::string& path, int64_t columns,
                                  int64_t expected_rows = 0, DataType type = DataType::kF32);

  NpyWriter(NpyWriter&&) noexcept;
  NpyWriter& operator=(NpyWriter&&) noexcept;
  ~NpyWriter();

  /// Appends the rows in `values`: `columns` numbers each. Fails with kInvalidArgument unless it is
  /// a whole number of rows of the array's type.
  Status append(std::span<const float> values);
  Status append(std::span<const int8_t> values);
  /// Completes the file and moves it to its name. Call it once.
  Status commit();

 private:
  class Impl;
  explicit NpyWriter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace lanewise
