#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lanewise/tensor.hpp"

/// Writes files like torch.save() and numpy.savez(), and invalid ones.
namespace lanewise::converters {

/// A file in an archive; the later members make it inconsistent.
struct ZipFile {
  std::string name;
  std::string bytes;
  bool deflate = false;  ///< in deflate's uncompressed blocks
  std::optional<uint32_t> crc = std::nullopt;
  std::optional<uint32_t> size = std::nullopt;
  std::optional<uint32_t> packed_size = std::nullopt;
  std::optional<uint16_t> method = std::nullopt;
};
std::string zip_of(const std::vector<ZipFile>& files);

/// Pieces of pickles: each pushes one value.
namespace pickled {

std::string text(std::string_view value);
std::string integer(int64_t value);
std::string global(std::string_view module, std::string_view name);
std::string tuple(std::initializer_list<std::string> items);
std::string tuple(const Shape& sizes);
std::string call(const std::string& function, const std::string& arguments);
std::string storage(const std::string& type, const std::string& key, int64_t count);
/// torch._utils._rebuild_tensor_v2; strides default to those of a dense array.
std::string tensor(const std::string& storage, const Shape& sizes, int64_t offset = 0,
                   std::optional<Shape> strides = std::nullopt);
std::string dict(const std::vector<std::pair<std::string, std::string>>& items);
/// A whole pickle of that value.
std::string pickle(const std::string& value, char protocol = 2);

}  // namespace pickled

/// A file of torch.save(): the pickle, and the bytes of storages by key.
using Storages = std::vector<std::pair<std::string, std::string>>;
std::string torch_zip(const std::string& pickle, const Storages& storages, bool deflate = false);
/// `element_bytes` of each storage.
std::string torch_legacy(const std::string& pickle, const Storages& storages,
                         const std::vector<size_t>& element_bytes);

/// A state dict of dense tensors.
struct TorchTensors {
  std::string pickle;
  Storages storages;
  std::vector<size_t> element_bytes;
};
TorchTensors torch_tensors(const TensorMap& tensors);

/// A .npy file of version `version`.
std::string npy(const std::string& descr, const std::string& shape, const std::string& bytes,
                bool fortran = false, char version = 1);
/// All of `tensors`, none of them BF16, which numpy lacks.
std::string npz_of(const TensorMap& tensors, bool deflate = false);

std::string bytes_of(const Tensor& tensor);

}  // namespace lanewise::converters
