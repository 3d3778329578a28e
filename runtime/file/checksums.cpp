#include "runtime/file/checksums.hpp"

#include <algorithm>
#include <string>

#include "base/messages.hpp"
#include "runtime/file/xxh64.hpp"

namespace lanewise::file {
namespace {

std::span<const std::byte> bytes_of(const SafetensorsView& view, const TensorEntry& entry) {
  return {static_cast<const std::byte*>(view.view(entry).data), entry.end - entry.begin};
}

uint64_t read_checksum(const std::byte* from) {
  uint64_t checksum = 0;
  for (size_t i = 0; i < kChecksumBytes; ++i) checksum |= static_cast<uint64_t>(from[i]) << (8 * i);
  return checksum;
}

/// All tensors but that of the checksums, in the order of the file.
std::vector<const TensorEntry*> tensors_before(const SafetensorsView& view, std::string_view name) {
  std::vector<const TensorEntry*> tensors;
  for (const TensorEntry& entry : view.tensors()) {
    if (entry.name != name) tensors.push_back(&entry);
  }
  // An empty tensor begins where the next one does.
  std::ranges::stable_sort(tensors, [](const TensorEntry* a, const TensorEntry* b) {
    return a->begin != b->begin ? a->begin < b->begin : a->end < b->end;
  });
  return tensors;
}

Status damage(const std::vector<std::string_view>& names) {
  constexpr size_t kMostNamed = 10;
  if (names.empty()) return {};
  std::string text = std::to_string(names.size());
  text += names.size() == 1 ? " tensor damaged: " : " tensors damaged: ";
  for (size_t i = 0; i < std::min(names.size(), kMostNamed); ++i) {
    text.append(i == 0 ? "" : ", ").append(base::in_quotes(names[i]));
  }
  if (names.size() > kMostNamed) {
    text += " and " + std::to_string(names.size() - kMostNamed) + " more";
  }
  return data_loss(std::move(text));
}

}  // namespace

uint64_t tensor_checksum(std::string_view name, std::span<const std::byte> bytes) noexcept {
  return xxh64(bytes) ^ xxh64(std::as_bytes(std::span(name)));
}

void append_checksum(uint64_t checksum, std::vector<std::byte>& bytes) {
  for (size_t i = 0; i < kChecksumBytes; ++i) {
    bytes.push_back(static_cast<std::byte>(checksum >> (8 * i) & 255));
  }
}

Status check_checksums(const SafetensorsView& view, std::string_view name) {
  const TensorEntry* const stored = view.find(name);
  if (stored == nullptr) return not_found("it has no checksums");
  const std::vector<const TensorEntry*> tensors = tensors_before(view, name);
  const std::span<const std::byte> checksums = bytes_of(view, *stored);
  if (checksums.size() != tensors.size() * kChecksumBytes) {
    return data_loss("expected " + std::to_string(tensors.size()) + " checksums, found " +
                     std::to_string(checksums.size()) + " bytes");
  }
  std::vector<std::string_view> damaged;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const uint64_t expected = read_checksum(checksums.data() + i * kChecksumBytes);
    const TensorEntry& entry = *tensors[i];
    if (tensor_checksum(entry.name, bytes_of(view, entry)) != expected) {
      damaged.push_back(entry.name);
    }
  }
  return damage(damaged);
}

}  // namespace lanewise::file
