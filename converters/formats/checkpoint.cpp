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

}  // namespace

Result<std::unique_ptr<Checkpoint>> open_or_explain(
    const std::string& path, Result<std::unique_ptr<Checkpoint>> (*open)(const std::string& path)) {
  Result<std::unique_ptr<Checkpoint>> opened = open(path);
  if (opened.ok() || opened.status().code() != StatusCode::kDataLoss) return opened;
  return explained(path, opened.status());
}

Result<std::unique_ptr<Checkpoint>> open_checkpoint_folder(const std::string& folder) {
  std::string looked_for;
  for (const Format& format : formats()) {
    LW_ASSIGN_OR_RETURN(const std::string path, format.find(folder));
    if (!path.empty()) return open_or_explain(path, format.open);
    looked_for.append(looked_for.empty() ? "" : ", ").append(format.looks_for);
  }
  return not_found(base::in_quotes(folder) + " contains no weights: expected " + looked_for);
}

Result<std::unique_ptr<Checkpoint>> open_checkpoint_file(const std::string& path) {
  LW_ASSIGN_OR_RETURN(const file::MappedFile mapped, file::MappedFile::open(path));
  const auto head = mapped.bytes().first(std::min(Format::kHeadBytes, mapped.bytes().size()));
  std::string known;
  for (const Format& format : formats()) {
    if (format.has_content(head)) return open_or_explain(path, format.open);
    known.append(known.empty() ? "" : ", ").append(format.name);
  }
  for (const Format& format : formats()) {
    if (format.has_name(file_name(path))) return open_or_explain(path, format.open);
  }
  return explained(
      path, data_loss(base::in_quotes(path) + " is not a checkpoint in a known format: " + known));
}

}  // namespace lanewise::converters
