#include "converters/formats/checkpoint.hpp"

#include <algorithm>
#include <array>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/files.hpp"
#include "runtime/file/file_kind.hpp"
#include "runtime/file/mapping.hpp"

namespace lanewise::converters {

std::span<const Format> formats() {
  static const std::array list = {
#define LW_FORMAT(name) name##_format(),
#include "converters/formats.def"
#undef LW_FORMAT
  };
  return list;
}

std::string_view type_name(const CheckpointTensor& tensor) {
  if (!tensor.foreign_type.empty()) return tensor.foreign_type;
  return tensor.blocks != nullptr ? tensor.blocks->name : name_of(tensor.type);
}

TensorView unpack_blocks(const CheckpointTensor& tensor, std::span<const std::byte> bytes,
                         Scratch& scratch) {
  const ops::BlockFormat& format = *tensor.blocks;
  const size_t count = bytes.size() / static_cast<size_t>(format.bytes);
  scratch.resize(count * static_cast<size_t>(format.elements) * sizeof(float));
  format.unpack(bytes.data(), count, reinterpret_cast<float*>(scratch.data()));
  return {DataType::kF32, scratch.data(), tensor.shape};
}

Status foreign_error(const CheckpointTensor& tensor) {
  return unsupported("tensor " + base::in_quotes(tensor.name) + " has elements of type " +
                     base::in_quotes(type_name(tensor)) + ", which is not supported");
}

Result<std::span<const std::byte>> Checkpoint::read_blocks(const CheckpointTensor& tensor,
                                                           Scratch&) const {
  return invalid_argument("tensor " + base::in_quotes(tensor.name) + " has elements of type " +
                          std::string(type_name(tensor)) + ", expected blocks");
}

const CheckpointTensor* Checkpoint::find(std::string_view name) const noexcept {
  const auto all = tensors();
  const auto at = std::lower_bound(
      all.begin(), all.end(), name,
      [](const CheckpointTensor& tensor, std::string_view key) { return tensor.name < key; });
  return at != all.end() && at->name == name ? &*at : nullptr;
}

namespace {

/// Why a file could not be read, or what it is instead of a checkpoint, if recognised.
Status explained(const std::string& path, const Status& status) {
  const Result<file::MappedFile> mapped = file::MappedFile::open(path);
  if (!mapped.ok()) return status;
  if (path.ends_with(".json")) return status;  // an index, which is text
  const std::string kind = file::kind_of_other_file(mapped->bytes());
  const bool is_said = status.message().find(kind) != std::string::npos;
  return is_said ? status : data_loss(status.message() + "; it is " + kind);
}

Status too_many(const std::string& path, int64_t found, const char* what, int64_t most) {
  return resource_exhausted(base::in_quotes(path) + ": " + std::to_string(found) + " " + what +
                            ", expected at most " + std::to_string(most));
}

/// The bytes of all tensors when they are unpacked, or INT64_MAX.
int64_t unpacked_bytes(const Checkpoint& checkpoint) {
  int64_t total = 0;
  for (const CheckpointTensor& tensor : checkpoint.tensors()) {
    const Result<int64_t> count = element_count(tensor.shape);
    int64_t bytes = 0;
    if (!count.ok() ||
        __builtin_mul_overflow(*count, static_cast<int64_t>(size_of(tensor.type)), &bytes) ||
        __builtin_add_overflow(total, bytes, &total)) {
      return INT64_MAX;
    }
  }
  return total;
}

Result<std::unique_ptr<Checkpoint>> open_within_limits(const std::string& path,
                                                       const Format& format,
                                                       const ReadOptions& options) {
  LW_ASSIGN_OR_RETURN(auto opened, open_or_explain(path, format.open, options));
  const ConvertLimits& limits = options.limits;
  const auto count = static_cast<int64_t>(opened->tensors().size());
  if (count > limits.tensors) return too_many(path, count, "tensors", limits.tensors);
  const int64_t bytes = unpacked_bytes(*opened);
  if (bytes > limits.unpacked_bytes) {
    return too_many(path, bytes, "bytes of tensors", limits.unpacked_bytes);
  }
  return opened;
}

}  // namespace

Result<std::unique_ptr<Checkpoint>> open_or_explain(const std::string& path, OpenCheckpoint* open,
                                                    const ReadOptions& options) {
  Result<std::unique_ptr<Checkpoint>> opened = open(path, options);
  if (opened.ok() || opened.status().code() != StatusCode::kDataLoss) return opened;
  return explained(path, opened.status());
}

Result<std::unique_ptr<Checkpoint>> open_checkpoint_folder(const std::string& folder,
                                                           const ReadOptions& options) {
  std::string looked_for;
  for (const Format& format : formats()) {
    LW_ASSIGN_OR_RETURN(const std::string path, format.find(folder));
    if (!path.empty()) return open_within_limits(path, format, options);
    looked_for.append(looked_for.empty() ? "" : ", ").append(format.looks_for);
  }
  return not_found(base::in_quotes(folder) + " contains no weights: expected " + looked_for);
}

Result<std::unique_ptr<Checkpoint>> open_checkpoint_file(const std::string& path,
                                                         const ReadOptions& options) {
  LW_ASSIGN_OR_RETURN(const file::MappedFile mapped, file::MappedFile::open(path));
  const auto head = mapped.bytes().first(std::min(Format::kHeadBytes, mapped.bytes().size()));
  std::string known;
  for (const Format& format : formats()) {
    if (format.has_content(head)) return open_within_limits(path, format, options);
    known.append(known.empty() ? "" : ", ").append(format.name);
  }
  for (const Format& format : formats()) {
    if (format.has_name(file_name(path))) return open_within_limits(path, format, options);
  }
  return explained(
      path, data_loss(base::in_quotes(path) + " is not a checkpoint in a known format: " + known));
}

}  // namespace lanewise::converters
