#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "converters/formats/gguf_types.hpp"
#include "converters/formats/gguf_value.hpp"
#include "lanewise/status.hpp"
#include "lanewise/tensor.hpp"

namespace lanewise::converters {

/// The first bytes of every GGUF file.
inline constexpr std::string_view kGgufMagic = "GGUF";

struct GgufEntry {
  std::string_view key;
  GgufValue value;
};

struct GgufTensor {
  std::string_view name;
  Shape shape;  ///< row-major: the file's dimensions in reverse
  const GgufTensorType* type;
  size_t begin;  ///< of the elements, in bytes from the beginning of the file
  size_t bytes;
};

/// Metadata and tensors of one GGUF file in memory, which must outlive the view.
///
/// Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
class GgufView {
 public:
  /// `label`, usually the path, begins each message. Fails with kUnsupported for another version,
  /// byte order or a type of tensors whose size is unknown; with kDataLoss for everything that is
  /// inconsistent. Allocates memory in proportion to the size of the header that is really there.
  static Result<GgufView> parse(std::span<const std::byte> file, std::string_view label);

  uint32_t version() const noexcept { return version_; }
  /// Sorted by key; keys are unique.
  std::span<const GgufEntry> metadata() const noexcept { return metadata_; }
  /// Returns null if there is no such key.
  const GgufValue* find(std::string_view key) const noexcept;
  /// Sorted by name; names are unique, and no two share bytes.
  std::span<const GgufTensor> tensors() const noexcept { return tensors_; }
  std::span<const std::byte> bytes(const GgufTensor& tensor) const noexcept {
    return file_.subspan(tensor.begin, tensor.bytes);
  }

 private:
  Status read(GgufReader& reader);
  Status read_head(GgufReader& reader);
  Status read_metadata(GgufReader& reader, uint64_t count);
  Status read_tensors(GgufReader& reader, uint64_t count);
  Status read_alignment();
  Status place_tensors(size_t header_bytes);
  Status check_overlap() const;

  std::span<const std::byte> file_;
  uint32_t version_ = 0;
  uint64_t alignment_ = 32;
  std::vector<GgufEntry> metadata_;
  std::vector<GgufTensor> tensors_;
};

}  // namespace lanewise::converters
