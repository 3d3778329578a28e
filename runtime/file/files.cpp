// Implements lanewise/files.hpp.

#include "lanewise/files.hpp"

#include <utility>
#include <vector>

#include "base/no_throw.hpp"
#include "base/status_macros.hpp"
#include "runtime/file/atomic_file.hpp"
#include "runtime/file/mapping.hpp"
#include "runtime/file/npy.hpp"
#include "runtime/file/safetensors.hpp"
#include "runtime/file/xxh64.hpp"

namespace lanewise {

class AtomicFile::Impl {
 public:
  explicit Impl(file::AtomicFile opened) : file(std::move(opened)) {}
  file::AtomicFile file;
};

Result<AtomicFile> AtomicFile::create(const std::string& path) {
  return base::no_throw([&]() -> Result<AtomicFile> {
    LW_ASSIGN_OR_RETURN(file::AtomicFile file, file::AtomicFile::create(path));
    return AtomicFile(std::make_unique<Impl>(std::move(file)));
  });
}

AtomicFile::AtomicFile(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
AtomicFile::AtomicFile(AtomicFile&&) noexcept = default;
AtomicFile& AtomicFile::operator=(AtomicFile&&) noexcept = default;
AtomicFile::~AtomicFile() = default;

Status AtomicFile::write(std::span<const std::byte> bytes) {
  return base::no_throw([&] { return impl_->file.write(bytes); });
}

Status AtomicFile::write(std::string_view text) { return write(std::as_bytes(std::span(text))); }

Status AtomicFile::overwrite(uint64_t offset, std::string_view text) {
  return base::no_throw(
      [&] { return impl_->file.overwrite(offset, std::as_bytes(std::span(text))); });
}

Status AtomicFile::commit() {
  return base::no_throw([&] { return impl_->file.commit(); });
}

Result<TensorMap> parse_safetensors(std::span<const std::byte> bytes, std::string_view label) {
  return base::no_throw([&]() -> Result<TensorMap> {
    LW_ASSIGN_OR_RETURN(const file::SafetensorsView view,
                        file::SafetensorsView::parse(bytes, label));
    TensorMap tensors;
    for (const file::TensorEntry& entry : view.tensors()) {
      LW_ASSIGN_OR_RETURN(tensors[entry.name], file::copy_tensor(view.view(entry)));
    }
    return tensors;
  });
}

Result<TensorMap> read_safetensors(const std::string& path) {
  return base::no_throw([&]() -> Result<TensorMap> {
    LW_ASSIGN_OR_RETURN(const file::MappedFile file, file::MappedFile::open(path));
    return parse_safetensors(file.bytes(), path);
  });
}

Status write_safetensors(AtomicFile& file, const TensorMap& tensors) {
  return base::no_throw([&] {
    std::vector<file::SafetensorsInput> inputs;
    for (const auto& [name, tensor] : tensors) inputs.push_back({name, tensor.view()});
    // Without filler, because the file is for other programs.
    return file::write_safetensors(file.impl_->file, {}, inputs, 1);
  });
}

uint64_t checksum(std::span<const std::byte> bytes) noexcept { return file::xxh64(bytes); }

Result<std::string> npy_header(int64_t rows, int64_t columns, DataType type) {
  return base::no_throw([&] { return file::npy_header(rows, columns, type); });
}

class NpyWriter::Impl {
 public:
  explicit Impl(file::NpyWriter opened) : writer(std::move(opened)) {}
  file::NpyWriter writer;
};

Result<NpyWriter> NpyWriter::create(const std::string& path, int64_t columns, int64_t expected_rows,
                                    DataType type) {
  return base::no_throw([&]() -> Result<NpyWriter> {
    LW_ASSIGN_OR_RETURN(file::NpyWriter writer,
                        file::NpyWriter::create(path, columns, expected_rows, type));
    return NpyWriter(std::make_unique<Impl>(std::move(writer)));
  });
}

NpyWriter::NpyWriter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
NpyWriter::NpyWriter(NpyWriter&&) noexcept = default;
NpyWriter& NpyWriter::operator=(NpyWriter&&) noexcept = default;
NpyWriter::~NpyWriter() = default;

Status NpyWriter::append(std::span<const float> values) {
  return base::no_throw([&] { return impl_->writer.append(values); });
}

Status NpyWriter::append(std::span<const int8_t> values) {
  return base::no_throw([&] { return impl_->writer.append(values); });
}

Status NpyWriter::commit() {
  return base::no_throw([&] { return impl_->writer.commit(); });
}

}  // namespace lanewise
