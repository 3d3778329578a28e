#include "tests/converters/torch_writer.hpp"

#include "converters/formats/strided.hpp"

namespace lanewise::converters {
namespace {

std::string little_endian(uint64_t value, size_t bytes) {
  std::string text;
  for (size_t i = 0; i < bytes; ++i, value >>= 8) text += static_cast<char>(value & 0xff);
  return text;
}

uint32_t crc_of(const std::string& bytes) {
  uint32_t crc = ~0U;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int i = 0; i < 8; ++i) crc = crc >> 1 ^ (0xedb88320U & (0U - (crc & 1)));
  }
  return ~crc;
}

std::string deflated(const std::string& bytes) {
  std::string out;
  size_t at = 0;
  do {
    const size_t now = std::min<size_t>(bytes.size() - at, 0xffff);
    out += at + now == bytes.size() ? '\1' : '\0';
    out += little_endian(now, 2) + little_endian(~now, 2) + bytes.substr(at, now);
    at += now;
  } while (at < bytes.size());
  return out;
}

/// The common part of the local and the central header of a file.
std::string header_of(const ZipFile& file, size_t packed) {
  const uint16_t method = file.method.value_or(file.deflate ? 8 : 0);
  return little_endian(20, 2) + little_endian(0, 2) + little_endian(method, 2) +
         little_endian(0, 2) + little_endian(0x21, 2) +
         little_endian(file.crc.value_or(crc_of(file.bytes)), 4) +
         little_endian(file.packed_size.value_or(packed), 4) +
         little_endian(file.size.value_or(file.bytes.size()), 4) +
         little_endian(file.name.size(), 2) + little_endian(0, 2);
}

const char* storage_type(DataType type) {
  switch (type) {
    case DataType::kF32:
      return "FloatStorage";
    case DataType::kF16:
      return "HalfStorage";
    case DataType::kBF16:
      return "BFloat16Storage";
    case DataType::kF64:
      return "DoubleStorage";
    default:
      return "LongStorage";
  }
}

}  // namespace

std::string zip_of(const std::vector<ZipFile>& files) {
  std::string out;
  std::string central;
  for (const ZipFile& file : files) {
    const std::string packed = file.deflate ? deflated(file.bytes) : file.bytes;
    const std::string header = header_of(file, packed.size());
    central += "PK\1\2" + little_endian(20, 2) + header + little_endian(0, 10) +
               little_endian(out.size(), 4) + file.name;
    out += "PK\3\4" + header + file.name + packed;
  }
  const std::string count = little_endian(files.size(), 2);
  return out + central + "PK\5\6" + little_endian(0, 4) + count + count +
         little_endian(central.size(), 4) + little_endian(out.size(), 4) + little_endian(0, 2);
}

namespace pickled {

std::string text(std::string_view value) {
  return "X" + little_endian(value.size(), 4) + std::string(value);
}

std::string integer(int64_t value) {
  return "\x8a\x08" + little_endian(static_cast<uint64_t>(value), 8);
}

std::string global(std::string_view module, std::string_view name) {
  return "c" + std::string(module) + "\n" + std::string(name) + "\n";
}

std::string tuple(std::initializer_list<std::string> items) {
  std::string all = "(";
  for (const std::string& item : items) all += item;
  return all + "t";
}

std::string tuple(const Shape& sizes) {
  std::string all = "(";
  for (const int64_t size : sizes) all += integer(size);
  return all + "t";
}

std::string call(const std::string& function, const std::string& arguments) {
  return function + arguments + "R";
}

std::string storage(const std::string& type, const std::string& key, int64_t count) {
  return tuple({text("storage"), global("torch", type), text(key), text("cpu"), integer(count)}) +
         "Q";
}

std::string tensor(const std::string& storage, const Shape& sizes, int64_t offset,
                   std::optional<Shape> strides) {
  const std::string hooks = call(global("collections", "OrderedDict"), ")");
  return call(global("torch._utils", "_rebuild_tensor_v2"),
              tuple({storage, integer(offset), tuple(sizes),
                     tuple(strides.value_or(dense_strides(sizes, false))), "\x89", hooks}));
}

std::string dict(const std::vector<std::pair<std::string, std::string>>& items) {
  std::string all = "}(";
  for (const auto& [key, value] : items) all.append(text(key)).append(value);
  return all + "u";
}

std::string pickle(const std::string& value, char protocol) {
  return std::string("\x80") + protocol + value + ".";
}

}  // namespace pickled

std::string torch_zip(const std::string& pickle, const Storages& storages, bool deflate) {
  std::vector<ZipFile> files = {{"some name/data.pkl", pickle, deflate},
                                {"some name/byteorder", "little", deflate}};
  for (const auto& [key, bytes] : storages) {
    files.push_back({"some name/data/" + key, bytes, deflate});
  }
  files.push_back({"some name/version", "3\n", deflate});
  return zip_of(files);
}

std::string torch_legacy(const std::string& pickle, const Storages& storages,
                         const std::vector<size_t>& element_bytes) {
  std::string keys = "](";
  std::string data;
  for (size_t i = 0; i < storages.size(); ++i) {
    const auto& [key, bytes] = storages[i];
    keys += pickled::text(key);
    data += little_endian(bytes.size() / element_bytes[i], 8) + bytes;
  }
  return pickled::pickle("\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19") +
         pickled::pickle("M\xe9\x03") + pickled::pickle("}") + pickle +
         pickled::pickle(keys + "e") + data;
}

TorchTensors torch_tensors(const TensorMap& tensors) {
  TorchTensors all;
  std::vector<std::pair<std::string, std::string>> items;
  for (const auto& [name, tensor] : tensors) {
    const std::string key = std::to_string(all.storages.size());
    const std::string storage =
        pickled::storage(storage_type(tensor.type()), key, *element_count(tensor.shape()));
    items.emplace_back(name, pickled::tensor(storage, tensor.shape()));
    all.storages.emplace_back(key, bytes_of(tensor));
    all.element_bytes.push_back(size_of(tensor.type()));
  }
  all.pickle = pickled::pickle(pickled::dict(items));
  return all;
}

std::string npy(const std::string& descr, const std::string& shape, const std::string& bytes,
                bool fortran, char version) {
  const std::string header = "{'descr': '" + descr +
                             "', 'fortran_order': " + (fortran ? "True" : "False") +
                             ", 'shape': " + shape + ", }\n";
  return std::string("\x93NUMPY") + version + '\0' +
         little_endian(header.size(), version == 1 ? 2 : 4) + header + bytes;
}

std::string npz_of(const TensorMap& tensors, bool deflate) {
  std::vector<ZipFile> files;
  for (const auto& [name, tensor] : tensors) {
    std::string shape = "(";
    for (const int64_t size : tensor.shape()) shape += std::to_string(size) + ",";
    const char* descr = tensor.type() == DataType::kF64   ? "<f8"
                        : tensor.type() == DataType::kF16 ? "<f2"
                                                          : "<f4";
    files.push_back({name + ".npy", npy(descr, shape + ")", bytes_of(tensor)), deflate});
  }
  return zip_of(files);
}

std::string bytes_of(const Tensor& tensor) { return {tensor.as<char>(), tensor.size_bytes()}; }

}  // namespace lanewise::converters
