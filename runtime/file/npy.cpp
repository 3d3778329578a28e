#include "runtime/file/npy.hpp"

#include <bit>
#include <string>
#include <utility>

#include "base/messages.hpp"
#include "base/no_throw.hpp"
#include "base/status_macros.hpp"

namespace lanewise::file {
namespace {

static_assert(std::endian::native == std::endian::little, "'<f4' below");

// The same for every array: with two sizes of 19 digits the header takes 106 bytes, and data should
// begin at a multiple of 64.
constexpr size_t kHeaderBytes = 128;

}  // namespace

Result<std::string> npy_header(int64_t rows, int64_t columns, DataType type) {
  if (columns < 0 || rows < 0) {
    return invalid_argument("an array cannot be " + std::to_string(rows) + " x " +
                            std::to_string(columns));
  }
  if (type != DataType::kF32 && type != DataType::kI8) {
    return invalid_argument("an array of " + std::string(name_of(type)) + " is not supported");
  }
  // Magic, version 1.0, and the length of what follows these ten bytes, little-endian.
  std::string header("\x93NUMPY\x01\x00", 8);
  header += static_cast<char>(kHeaderBytes - 10);
  header += '\0';
  header += "{'descr': '" + std::string(type == DataType::kF32 ? "<f4" : "|i1") +
            "', 'fortran_order': False, 'shape': (" + std::to_string(rows) + ", " +
            std::to_string(columns) + "), }";
  header.resize(kHeaderBytes - 1, ' ');
  return header + '\n';
}

Result<NpyWriter> NpyWriter::create(const std::string& path, int64_t columns, int64_t expected_rows,
                                    DataType type) {
  return base::no_throw([&]() -> Result<NpyWriter> {
    const Result<std::string> header = file::npy_header(expected_rows, columns, type);
    if (!header.ok()) {
      return base::file_error(header.status().code(), "write", path, header.status().message());
    }
    LW_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::create(path));
    LW_RETURN_IF_ERROR(file.write(std::as_bytes(std::span(*header))));
    return NpyWriter(std::move(file), columns, expected_rows, type);
  });
}

Status NpyWriter::append(DataType type, size_t count, std::span<const std::byte> bytes) {
  return base::no_throw([&]() -> Status {
    if (type != type_) {
      return base::file_error(StatusCode::kInvalidArgument, "write", file_.path(),
                              "the array has the type " + std::string(name_of(type_)));
    }
    if (count == 0) return {};
    const auto columns = static_cast<size_t>(columns_);
    if (columns == 0 || count % columns != 0) {
      return base::file_error(
          StatusCode::kInvalidArgument, "write", file_.path(),
          std::to_string(count) + " values are not whole rows of " + std::to_string(columns_));
    }
    LW_RETURN_IF_ERROR(file_.write(bytes));
    rows_ += static_cast<int64_t>(count / columns);
    return {};
  });
}

Status NpyWriter::commit() {
  return base::no_throw([&]() -> Status {
    if (rows_ != expected_rows_) {
      LW_ASSIGN_OR_RETURN(const std::string header, file::npy_header(rows_, columns_, type_));
      LW_RETURN_IF_ERROR(file_.overwrite(0, std::as_bytes(std::span(header))));
    }
    return file_.commit();
  });
}

}  // namespace lanewise::file
