#include <algorithm>
#include <utility>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/formats/pytorch_file.hpp"
#include "converters/formats/zip_archive.hpp"

namespace lanewise::converters {
namespace {

constexpr std::string_view kPickleName = "/data.pkl";

class PytorchZip final : public PytorchFile {
 public:
  PytorchZip(std::string path, ZipArchive archive)
      : path_(std::move(path)), archive_(std::move(archive)) {}

  Status open(size_t max_pickle_bytes) {
    LW_ASSIGN_OR_RETURN(const ZipEntry* entry, find_pickle());
    root_ = entry->name.substr(0, entry->name.size() - kPickleName.size());
    is_script_ = archive_.find(root_ + "/constants.pkl") != nullptr;
    // A compressed entry could expand to a thousand times the file.
    if (entry->size > max_pickle_bytes) {
      return resource_exhausted(base::in_quotes(path_) + ": a pickle of " +
                                std::to_string(entry->size) + " bytes, expected at most " +
                                std::to_string(max_pickle_bytes));
    }
    LW_RETURN_IF_ERROR(read_byte_order());
    LW_ASSIGN_OR_RETURN(const auto bytes, archive_.read(*entry, pickle_bytes_));
    size_t elements = 0;
    for (const ZipEntry& one : archive_.entries()) elements = std::max(elements, one.size);
    Result<Pickle> pickle = read_pickle(bytes, static_cast<int64_t>(elements));
    if (!pickle.ok()) return pickle.status().with_context(base::in_quotes(path_));
    pickle_ = std::move(*pickle);
    return {};
  }

  const Pickle& pickle() const noexcept override { return pickle_; }
  bool is_script() const noexcept override { return is_script_; }
  bool big_endian() const noexcept override { return big_endian_; }

  Status check_storage(std::string_view key, size_t bytes) const override {
    const ZipEntry* entry = find(key);
    if (entry == nullptr) {
      return data_loss("storage " + base::in_quotes(key) + " is not in the archive");
    }
    if (entry->size == bytes) return {};
    return data_loss("storage " + base::in_quotes(key) + ": expected " + std::to_string(bytes) +
                     " bytes, the archive has " + std::to_string(entry->size));
  }

  Result<std::span<const std::byte>> storage(std::string_view key,
                                             Scratch& scratch) const override {
    return archive_.read(*find(key), scratch);
  }

  void release_pages() const noexcept override { archive_.release_pages(); }

 private:
  const ZipEntry* find(std::string_view key) const {
    return archive_.find(root_ + "/data/" + std::string(key));
  }

  Result<const ZipEntry*> find_pickle() const {
    const ZipEntry* found = nullptr;
    for (const ZipEntry& entry : archive_.entries()) {
      const bool is_pickle = entry.name.ends_with(kPickleName) &&
                             entry.name.find('/') == entry.name.size() - kPickleName.size();
      if (!is_pickle) continue;
      if (found != nullptr) return data_loss(base::in_quotes(path_) + " holds several data.pkl");
      found = &entry;
    }
    if (found != nullptr) return found;
    return data_loss(base::in_quotes(path_) +
                     " is a zip archive, but not written by torch.save(): it contains no data.pkl");
  }

  /// Absent before PyTorch 2.1, where it is little-endian.
  Status read_byte_order() {
    const ZipEntry* entry = archive_.find(root_ + "/byteorder");
    if (entry == nullptr) return {};
    LW_ASSIGN_OR_RETURN(const Scratch head, archive_.read_head(*entry, 16));
    const std::string_view order(reinterpret_cast<const char*>(head.data()), head.size());
    big_endian_ = order == "big";
    if (big_endian_ || order == "little") return {};
    return data_loss(base::in_quotes(path_) + ": unknown byteorder " + base::in_quotes(order));
  }

  std::string path_;
  ZipArchive archive_;
  std::string root_;
  Scratch pickle_bytes_;  // unused if the pickle is uncompressed
  Pickle pickle_;
  bool is_script_ = false;
  bool big_endian_ = false;
};

}  // namespace

Result<std::unique_ptr<PytorchFile>> open_pytorch_zip(ZipArchive archive, const std::string& path,
                                                      int64_t max_pickle_bytes) {
  auto opened = std::make_unique<PytorchZip>(path, std::move(archive));
  LW_RETURN_IF_ERROR(opened->open(static_cast<size_t>(max_pickle_bytes)));
  return std::unique_ptr<PytorchFile>(std::move(opened));
}

}  // namespace lanewise::converters
