#include <cstring>
#include <map>
#include <utility>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/formats/pytorch_file.hpp"
#include "runtime/file/mapping.hpp"

namespace lanewise::converters {
namespace {

/// 0x1950a86a20f9469cfc6c, as LONG1 writes it.
constexpr unsigned char kLegacyMagic[] = {0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46,
                                          0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19};
constexpr std::string_view kDecimalMagic = "L119547037146038801333356L";
constexpr int64_t kProtocol = 1001;
constexpr size_t kCountBytes = 8;

class PytorchLegacy final : public PytorchFile {
 public:
  PytorchLegacy(std::string path, file::MappedFile mapped)
      : path_(std::move(path)), mapped_(std::move(mapped)), rest_(mapped_.bytes()) {}

  Status open() {
    const Status status = read();
    return status.ok() ? status : status.with_context(base::in_quotes(path_));
  }

  const Pickle& pickle() const noexcept override { return pickle_; }
  bool big_endian() const noexcept override { return false; }  // whatever machine wrote it

  Status check_storage(std::string_view key, size_t bytes) const override {
    const auto found = storages_.find(key);
    if (found == storages_.end()) {
      return data_loss("storage " + base::in_quotes(key) + " is not in the file");
    }
    if (found->second.size() == bytes) return {};
    return data_loss("storage " + base::in_quotes(key) + ": expected " + std::to_string(bytes) +
                     " bytes, the file has " + std::to_string(found->second.size()));
  }

  Result<std::span<const std::byte>> storage(std::string_view key, Scratch&) const override {
    return storages_.find(key)->second;
  }

  void release_pages() const noexcept override { mapped_.release_pages(); }

 private:
  Result<Pickle> next_pickle() {
    LW_ASSIGN_OR_RETURN(Pickle pickle,
                        read_pickle(rest_, static_cast<int64_t>(mapped_.bytes().size())));
    rest_ = rest_.subspan(pickle.bytes);
    return pickle;
  }

  Status read() {
    LW_RETURN_IF_ERROR(next_pickle().status());  // the magic number, checked by is_pytorch_legacy()
    LW_ASSIGN_OR_RETURN(const Pickle protocol, next_pickle());
    const PickleObject& version = protocol.root_object();
    if (version.kind != PickleKind::kInt || version.number != kProtocol) {
      return unsupported("unknown version of torch.save()'s legacy format");
    }
    LW_RETURN_IF_ERROR(next_pickle().status());  // about the machine: sizes of C's types
    LW_ASSIGN_OR_RETURN(pickle_, next_pickle());
    LW_ASSIGN_OR_RETURN(const Pickle keys, next_pickle());
    return read_storages(keys);
  }

  /// Only the pickle knows the element type of a storage.
  std::map<std::string_view, size_t> element_bytes() const {
    std::map<std::string_view, size_t> found;
    for (const PickledStorage& storage : pickle_.storages) {
      found.emplace(storage.key, storage.element_bytes);
    }
    return found;
  }

  Status read_storages(const Pickle& keys) {
    if (keys.root_object().kind != PickleKind::kList)
      return data_loss("expected a list of storages");
    const auto known = element_bytes();
    for (const PickleRef ref : keys.root_object().items) {
      const PickleObject& key = keys.object(ref);
      const auto type = known.find(key.text);
      if (key.kind != PickleKind::kText || type == known.end()) {
        return data_loss("lists a storage that no tensor uses");
      }
      LW_ASSIGN_OR_RETURN(const auto bytes, next_storage(key.text, type->second));
      if (!storages_.emplace(type->first, bytes).second) {
        return data_loss("storage " + base::in_quotes(key.text) + " appears twice in the file");
      }
    }
    return {};
  }

  /// A count of elements, followed by the elements.
  Result<std::span<const std::byte>> next_storage(std::string_view key, size_t element_bytes) {
    uint64_t count = 0;
    if (rest_.size() >= kCountBytes) {
      std::memcpy(&count, rest_.data(), kCountBytes);
      rest_ = rest_.subspan(kCountBytes);
      if (count <= rest_.size() / element_bytes) {
        const auto bytes = rest_.first(static_cast<size_t>(count) * element_bytes);
        rest_ = rest_.subspan(bytes.size());
        return bytes;
      }
    }
    return data_loss("storage " + base::in_quotes(key) + " of " + std::to_string(count) +
                     " elements is truncated: " + std::to_string(rest_.size()) + " bytes are left");
  }

  std::string path_;
  file::MappedFile mapped_;
  std::span<const std::byte> rest_;
  Pickle pickle_;
  std::map<std::string_view, std::span<const std::byte>> storages_;  // keys point into the pickle
};

}  // namespace

/// The magic follows PROTO and, since protocol 4, FRAME. Protocols 0 and 1 have neither, and write
/// numbers in decimal.
bool is_pytorch_legacy(std::span<const std::byte> head) {
  if (head.size() >= kDecimalMagic.size() &&
      std::memcmp(head.data(), kDecimalMagic.data(), kDecimalMagic.size()) == 0) {
    return true;
  }
  if (head.empty() || head[0] != std::byte{0x80}) return false;
  for (const size_t place : {size_t{2}, size_t{11}}) {
    if (head.size() >= place + sizeof(kLegacyMagic) &&
        std::memcmp(head.data() + place, kLegacyMagic, sizeof(kLegacyMagic)) == 0) {
      return true;
    }
  }
  return false;
}

Result<std::unique_ptr<PytorchFile>> open_pytorch_legacy(const std::string& path) {
  LW_ASSIGN_OR_RETURN(file::MappedFile mapped, file::MappedFile::open(path));
  auto opened = std::make_unique<PytorchLegacy>(path, std::move(mapped));
  LW_RETURN_IF_ERROR(opened->open());
  return std::unique_ptr<PytorchFile>(std::move(opened));
}

}  // namespace lanewise::converters
