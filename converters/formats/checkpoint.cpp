#include "converters/formats/checkpoint.hpp"

#include <algorithm>
#include <array>

#include "converters/files.hpp"
#include "ops/status_macros.hpp"
#include "runtime/file/mapping.hpp"
#include "runtime/file/messages.hpp"

namespace lanewise::converters {

std::span<const Format> formats() {
  static const std::array list = {
#define LW_FORMAT(name) name##_format(),
#include "converters/formats.def"
#undef LW_FORMAT
  };
  return list;
}

const CheckpointTensor* Checkpoint::find(std::string_view name) const noexcept {
  const auto all = tensors();
  const auto at = std::lower_bound(
      all.begin(), all.end(), name,
      [](const CheckpointTensor& tensor, std::string_view key) { return tensor.name < key; });
  return at != all.end() && at->name == name ? &*at : nullptr;
}

Result<std::unique_ptr<Checkpoint>> open_checkpoint_folder(const std::string& folder) {
  std::string looked_for;
  for (const Format& format : formats()) {
    LW_ASSIGN_OR_RETURN(const std::string path, format.find(folder));
    if (!path.empty()) return format.open(path);
    looked_for.append(looked_for.empty() ? "" : ", ").append(format.looks_for);
  }
  return not_found(file::in_quotes(folder) + " holds no weights: expected " + looked_for);
}

Result<std::unique_ptr<Checkpoint>> open_checkpoint_file(const std::string& path) {
  LW_ASSIGN_OR_RETURN(const file::MappedFile mapped, file::MappedFile::open(path));
  const auto head = mapped.bytes().first(std::min(Format::kHeadBytes, mapped.bytes().size()));
  std::string known;
  for (const Format& format : formats()) {
    if (format.has_content(head)) return format.open(path);
    known.append(known.empty() ? "" : ", ").append(format.name);
  }
  for (const Format& format : formats()) {
    if (format.has_name(file_name(path))) return format.open(path);
  }
  return data_loss(file::in_quotes(path) + " is no checkpoint of a known format: " + known);
}

}  // namespace lanewise::converters
