#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "converters/formats/checkpoint.hpp"
#include "converters/formats/gguf_view.hpp"
#include "lanewise/status.hpp"
#include "runtime/file/mapping.hpp"

namespace lanewise::converters {

/// A model in a GGUF file, or in several into which one was split. The files are mapped.
class GgufCheckpoint final : public Checkpoint {
 public:
  /// Opens `path`; of a split file any part, and with it all others, which must be in its folder
  /// under the names that llama.cpp gives them (`NAME-00002-of-00003.gguf`).
  ///
  /// Fails as GgufView::parse(); with kNotFound, naming them, if parts are missing; with kDataLoss
  /// if the parts contradict each other.
  static Result<std::unique_ptr<GgufCheckpoint>> open(const std::string& path);

  /// The metadata, of a split file those of its first part.
  const GgufView& view() const noexcept { return parts_.front().view; }

  std::span<const CheckpointTensor> tensors() const noexcept override { return tensors_; }
  std::span<const std::string> files() const noexcept override { return files_; }
  Result<TensorView> read(const CheckpointTensor& tensor, Scratch& scratch) const override;
  Result<std::span<const std::byte>> read_blocks(const CheckpointTensor& tensor,
                                                 Scratch& scratch) const override;
  void release_pages() const noexcept override {
    for (const Part& part : parts_) part.mapped.release_pages();
  }

 private:
  struct Part {
    file::MappedFile mapped;
    GgufView view;
  };
  struct Place {
    const Part* part;
    const GgufTensor* tensor;
  };

  static Result<Part> open_part(const std::string& path);
  Status open_parts(const std::string& path, Part&& named, uint64_t count);
  Status check_parts(uint64_t count) const;
  Status list_tensors();
  Result<Place> place_of(const CheckpointTensor& tensor) const;

  std::vector<Part> parts_;
  std::vector<std::string> files_;  // One for each of parts_.
  std::vector<CheckpointTensor> tensors_;
  std::vector<Place> places_;  // One for each of tensors_.
};

}  // namespace lanewise::converters
