// Arrays as numpy.savez() writes them: a zip archive of .npy files.

#include <algorithm>
#include <utility>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/formats/checkpoint.hpp"
#include "converters/formats/npy_header.hpp"
#include "converters/formats/shards.hpp"
#include "converters/formats/strided.hpp"
#include "converters/formats/zip_archive.hpp"

namespace lanewise::converters {
namespace {

constexpr std::string_view kNpzSuffixes[] = {".npz"};
constexpr std::string_view kArraySuffix = ".npy";

class NpzCheckpoint final : public Checkpoint {
 public:
  NpzCheckpoint(const std::string& path, ZipArchive archive)
      : archive_(std::move(archive)), files_{path} {}

  Status open() {
    for (const ZipEntry& entry : archive_.entries()) {
      const Status status = add(entry);
      if (!status.ok()) {
        return status.with_context(base::in_quotes(files_.front()) + ": entry " +
                                   base::in_quotes(entry.name));
      }
    }
    std::sort(arrays_.begin(), arrays_.end(),
              [](const Array& a, const Array& b) { return a.name < b.name; });
    for (const Array& array : arrays_) {
      tensors_.push_back({array.name, array.header.type, array.header.shape});
    }
    return {};
  }

  std::span<const CheckpointTensor> tensors() const noexcept override { return tensors_; }
  std::span<const std::string> files() const noexcept override { return files_; }

  Result<TensorView> read(const CheckpointTensor& tensor, Scratch& scratch) const override {
    const CheckpointTensor* found = find(tensor.name);
    if (found == nullptr) return not_found("tensor " + base::in_quotes(tensor.name));
    const Array& array = arrays_[static_cast<size_t>(found - tensors_.data())];
    Scratch unpacked;
    LW_ASSIGN_OR_RETURN(const auto bytes, archive_.read(*array.entry, unpacked));
    const Elements elements{bytes.subspan(array.header.bytes), array.header.type,
                            array.header.big_endian};
    const Strided strided{0, array.header.shape,
                          dense_strides(array.header.shape, array.header.fortran_order)};
    TensorView view = dense_view(elements, strided, scratch);
    // Unpacked data that `view` refers to must stay alive; moving it keeps its address.
    if (!unpacked.empty() && view.data != scratch.data()) scratch = std::move(unpacked);
    return view;
  }

  void release_pages() const noexcept override { archive_.release_pages(); }

 private:
  struct Array {
    std::string name;
    const ZipEntry* entry;
    NpyHeader header;
  };

  Status add(const ZipEntry& entry) {
    if (!entry.name.ends_with(kArraySuffix)) return data_loss("is not a .npy file");
    LW_ASSIGN_OR_RETURN(const Scratch head, archive_.read_head(entry, kMaxNpyHeaderBytes));
    LW_ASSIGN_OR_RETURN(NpyHeader header, read_npy_header(head));
    LW_ASSIGN_OR_RETURN(const int64_t count, element_count(header.shape));
    const size_t size = size_of(header.type);
    const size_t bytes = entry.size - header.bytes;
    if (bytes % size != 0 || bytes / size != static_cast<uint64_t>(count)) {
      return data_loss("has " + std::to_string(bytes) + " bytes of elements, expected those of " +
                       to_string(header.shape) + " " + std::string(name_of(header.type)));
    }
    std::string name = entry.name.substr(0, entry.name.size() - kArraySuffix.size());
    arrays_.push_back({std::move(name), &entry, std::move(header)});
    return {};
  }

  ZipArchive archive_;
  std::vector<std::string> files_;
  std::vector<Array> arrays_;              // In name order, as
  std::vector<CheckpointTensor> tensors_;  // these.
};

Result<std::unique_ptr<Checkpoint>> open_npz(const std::string& path, const ReadOptions&) {
  LW_ASSIGN_OR_RETURN(ZipArchive archive, ZipArchive::open(path));
  auto checkpoint = std::make_unique<NpzCheckpoint>(path, std::move(archive));
  LW_RETURN_IF_ERROR(checkpoint->open());
  return std::unique_ptr<Checkpoint>(std::move(checkpoint));
}

Result<std::string> find_npz(const std::string& folder) {
  return find_weights(folder, {}, kNpzSuffixes);
}

bool has_npz_content(std::span<const std::byte> head) {
  return first_zip_entry(head).ends_with(kArraySuffix);
}

bool has_npz_name(std::string_view name) { return ends_in_one_of(name, kNpzSuffixes); }

}  // namespace

const Format& npz_format() {
  static const Format format = {"npz",           "one .npz file", find_npz,
                                has_npz_content, has_npz_name,    open_npz};
  return format;
}

}  // namespace lanewise::converters
