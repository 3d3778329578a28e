#include "converters/formats/exported_program.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/config.hpp"
#include "converters/formats/float8.hpp"
#include "converters/formats/pytorch_file.hpp"
#include "converters/formats/strided.hpp"

namespace lanewise::converters {
namespace {

using base::in_quotes;

constexpr std::string_view kWeights = "data/weights/";
constexpr std::string_view kConstants = "data/constants/";
constexpr std::string_view kWeightsConfig = "_weights_config.json";
constexpr std::string_view kConstantsConfig = "_constants_config.json";
constexpr const char* kOldWeights = "serialized_state_dict.pt";
constexpr const char* kOldConstants = "serialized_constants.pt";
/// Constants that are objects instead of tensors.
constexpr std::string_view kObjects[] = {"custom_obj_", "opaque_obj_"};

/// Where an entry is: behind `folder`, at the root or in the archive's own folder, with that end.
bool is_in(const std::string& name, std::string_view folder, std::string_view end) {
  const size_t at = name.find(folder);
  if (at == std::string::npos || !name.ends_with(end)) return false;
  const bool is_at_root = at == 0 || name.find('/') == at - 1;
  return is_at_root && name.find('/', at + folder.size()) == std::string::npos;
}

/// torch._export.serde.schema.ScalarType; the others have no DataType.
std::optional<DataType> type_of(int64_t scalar_type) {
  switch (scalar_type) {
    case 1:
      return DataType::kU8;
    case 2:
      return DataType::kI8;
    case 3:
      return DataType::kI16;
    case 4:
      return DataType::kI32;
    case 5:
      return DataType::kI64;
    case 6:
      return DataType::kF16;
    case 7:
      return DataType::kF32;
    case 8:
      return DataType::kF64;
    case 12:
      return DataType::kBool;
    case 13:
      return DataType::kBF16;
    default:
      return std::nullopt;
  }
}
constexpr int64_t kFloat8 = 29;
/// torch.strided, the layout of dense tensors.
constexpr int64_t kStridedLayout = 7;

/// {"as_int": N}; a symbolic size is no size of a weight.
Result<int64_t> size_of_json(const base::JsonFields& fields) {
  return fields.integer("as_int", 0, INT64_MAX);
}

Result<Shape> sizes_of_json(const base::JsonFields& tensor, std::string_view field) {
  LW_ASSIGN_OR_RETURN(const auto objects, tensor.objects(field));
  Shape sizes;
  for (const base::JsonFields& object : objects) {
    LW_ASSIGN_OR_RETURN(const int64_t size, size_of_json(object));
    sizes.push_back(size);
  }
  return sizes;
}

/// One tensor of an archive.
struct Stored {
  CheckpointTensor tensor;
  const ZipEntry* entry = nullptr;
  DataType type = DataType::kF32;  // of the elements in the file
  Strided elements;
};

class ExportedProgram final : public Checkpoint {
 public:
  ExportedProgram(ZipArchive archive, std::string path)
      : archive_(std::move(archive)), files_{std::move(path)} {}

  /// Reads the config in `entry`, whose tensors are beside it.
  Status add(const ZipEntry& entry, bool are_constants, const ConvertLimits& limits) {
    if (entry.size > static_cast<size_t>(limits.header_bytes)) {
      return resource_exhausted(in_quotes(files_.front()) + ": entry " + in_quotes(entry.name) +
                                " of " + std::to_string(entry.size) + " bytes, expected at most " +
                                std::to_string(limits.header_bytes));
    }
    Scratch scratch;
    LW_ASSIGN_OR_RETURN(const auto bytes, archive_.read(entry, scratch));
    const std::string_view json(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    LW_ASSIGN_OR_RETURN(const Config config,
                        Config::parse(json, files_.front() + "/" + entry.name));
    LW_ASSIGN_OR_RETURN(const base::JsonFields list, config.json().object("config"));
    const std::string folder = entry.name.substr(0, entry.name.rfind('/') + 1);
    for (const auto& [name, value] : list.members()) {
      LW_ASSIGN_OR_RETURN(const base::JsonFields payload, list.object(name));
      LW_RETURN_IF_ERROR(add_tensor(std::string(name), payload, folder, are_constants));
    }
    return {};
  }

  Status finish() {
    std::ranges::sort(stored_, {},
                      [](const Stored& one) -> const std::string& { return one.tensor.name; });
    for (const Stored& one : stored_) {
      if (!tensors_.empty() && tensors_.back().name == one.tensor.name) {
        return data_loss(in_quotes(files_.front()) + ": tensor " + in_quotes(one.tensor.name) +
                         " is both a weight and a constant");
      }
      tensors_.push_back(one.tensor);
    }
    return {};
  }

  std::span<const CheckpointTensor> tensors() const noexcept override { return tensors_; }
  std::span<const std::string> files() const noexcept override { return files_; }
  void release_pages() const noexcept override { archive_.release_pages(); }

  Result<TensorView> read(const CheckpointTensor& tensor, Scratch& scratch) const override {
    LW_ASSIGN_OR_RETURN(const Stored* stored, stored_as(tensor));
    if (stored->tensor.blocks == nullptr) return read_elements(*stored, scratch);
    Scratch codes;
    LW_ASSIGN_OR_RETURN(const auto blocks, read_blocks(tensor, codes));
    return unpack_blocks(stored->tensor, blocks, scratch);
  }

  Result<std::span<const std::byte>> read_blocks(const CheckpointTensor& tensor,
                                                 Scratch& scratch) const override {
    LW_ASSIGN_OR_RETURN(const Stored* stored, stored_as(tensor));
    if (stored->tensor.blocks == nullptr) return Checkpoint::read_blocks(tensor, scratch);
    LW_ASSIGN_OR_RETURN(const TensorView codes, read_elements(*stored, scratch));
    LW_ASSIGN_OR_RETURN(const int64_t count, element_count(codes.shape));
    return std::span(codes.as<std::byte>(), static_cast<size_t>(count));
  }

 private:
  Result<const Stored*> stored_as(const CheckpointTensor& tensor) const {
    const CheckpointTensor* found = find(tensor.name);
    if (found == nullptr) return not_found("tensor " + in_quotes(tensor.name));
    if (!found->foreign_type.empty()) return foreign_error(*found);
    return &stored_[static_cast<size_t>(found - tensors_.data())];
  }

  Result<TensorView> read_elements(const Stored& stored, Scratch& scratch) const {
    Scratch unpacked;
    LW_ASSIGN_OR_RETURN(const auto bytes, archive_.read(*stored.entry, unpacked));
    const TensorView view = dense_view({bytes, stored.type, false}, stored.elements, scratch);
    // Unpacked data that `view` refers to must stay alive; moving it keeps its address.
    if (!unpacked.empty() && view.data != scratch.data()) scratch = std::move(unpacked);
    return view;
  }

  Status add_tensor(const std::string& name, const base::JsonFields& payload,
                    const std::string& folder, bool is_constant) {
    LW_ASSIGN_OR_RETURN(const std::string file, payload.string("path_name"));
    const bool is_object = std::ranges::any_of(
        kObjects, [&](std::string_view object) { return file.starts_with(object); });
    if (is_object) return {};
    Stored stored;
    stored.tensor.name = name;
    stored.tensor.is_constant = is_constant;
    LW_ASSIGN_OR_RETURN(const base::JsonFields meta, payload.object("tensor_meta"));
    LW_ASSIGN_OR_RETURN(stored.elements.shape, sizes_of_json(meta, "sizes"));
    stored.tensor.shape = stored.elements.shape;
    LW_ASSIGN_OR_RETURN(const bool pickled, payload.boolean_or("use_pickle", false));
    LW_ASSIGN_OR_RETURN(const int64_t layout, meta.integer("layout", 0, INT32_MAX));
    LW_ASSIGN_OR_RETURN(const int64_t scalar, meta.integer("dtype", 0, INT32_MAX));
    const std::optional<DataType> type = scalar == kFloat8 ? DataType::kU8 : type_of(scalar);
    if (pickled || layout != kStridedLayout || !type) {
      stored.tensor.type = DataType::kU8;
      stored.tensor.foreign_type = pickled ? "pickled object"
                                   : !type ? "torch.ScalarType " + std::to_string(scalar)
                                           : "torch.Layout " + std::to_string(layout);
      stored_.push_back(std::move(stored));
      return {};
    }
    stored.type = *type;
    stored.tensor.type = scalar == kFloat8 ? DataType::kF32 : *type;
    if (scalar == kFloat8) stored.tensor.blocks = &float8_e4m3();
    LW_ASSIGN_OR_RETURN(stored.elements.strides, sizes_of_json(meta, "strides"));
    LW_ASSIGN_OR_RETURN(const base::JsonFields offset, meta.object("storage_offset"));
    LW_ASSIGN_OR_RETURN(stored.elements.offset, size_of_json(offset));
    const Status placed = place(folder + file, stored);
    if (!placed.ok()) {
      return placed.with_context(in_quotes(files_.front()) + ": tensor " + in_quotes(name));
    }
    stored_.push_back(std::move(stored));
    return {};
  }

  Status place(const std::string& entry, Stored& stored) const {
    stored.entry = archive_.find(entry);
    if (stored.entry == nullptr) return data_loss("no entry " + in_quotes(entry));
    const auto count = static_cast<int64_t>(stored.entry->size / size_of(stored.type));
    return check_strided(stored.elements, count, count);
  }

  ZipArchive archive_;
  std::vector<std::string> files_;
  std::vector<Stored> stored_;             // sorted by name, like
  std::vector<CheckpointTensor> tensors_;  // these
};

/// The state dict and the constants of an older archive, each a file of torch.save() in it.
class OldProgram final : public Checkpoint {
 public:
  OldProgram(ZipArchive archive, std::string path)
      : archive_(std::move(archive)), files_{std::move(path)} {}

  Status add(const ZipEntry& entry, bool are_constants, const ConvertLimits& limits) {
    Part part;
    LW_ASSIGN_OR_RETURN(const auto bytes, archive_.read(entry, part.unpacked));
    const std::string label = files_.front() + "/" + entry.name;
    LW_ASSIGN_OR_RETURN(ZipArchive inner, ZipArchive::open(bytes, label));
    LW_ASSIGN_OR_RETURN(auto file, open_pytorch_zip(std::move(inner), label, limits.header_bytes));
    // Constants may all be objects of custom classes.
    if (are_constants && !has_tensor(file->pickle())) return {};
    LW_ASSIGN_OR_RETURN(part.checkpoint,
                        open_pytorch_tensors(std::move(file), label, /*ema=*/false));
    for (CheckpointTensor tensor : part.checkpoint->tensors()) {
      tensor.is_constant = are_constants;
      if (find_unsorted(tensor.name)) {
        return data_loss(in_quotes(label) + ": tensor " + in_quotes(tensor.name) +
                         " is both a weight and a constant");
      }
      tensors_.push_back(std::move(tensor));
    }
    parts_.push_back(std::move(part));
    std::ranges::sort(tensors_, {}, &CheckpointTensor::name);
    return {};
  }

  std::span<const CheckpointTensor> tensors() const noexcept override { return tensors_; }
  std::span<const std::string> files() const noexcept override { return files_; }
  void release_pages() const noexcept override { archive_.release_pages(); }

  Result<TensorView> read(const CheckpointTensor& tensor, Scratch& scratch) const override {
    LW_ASSIGN_OR_RETURN(const Checkpoint* part, part_of(tensor));
    return part->read(*part->find(tensor.name), scratch);
  }

  Result<std::span<const std::byte>> read_blocks(const CheckpointTensor& tensor,
                                                 Scratch& scratch) const override {
    LW_ASSIGN_OR_RETURN(const Checkpoint* part, part_of(tensor));
    return part->read_blocks(*part->find(tensor.name), scratch);
  }

 private:
  struct Part {
    Scratch unpacked;  // the file, if it is compressed in the archive; keeps its address when moved
    std::unique_ptr<Checkpoint> checkpoint;
  };

  /// Whether the root is a dict with one.
  static bool has_tensor(const Pickle& pickle) {
    return std::ranges::any_of(pickle.root_object().items, [&](PickleRef ref) {
      return pickle.object(ref).kind == PickleKind::kTensor;
    });
  }

  bool find_unsorted(const std::string& name) const {
    return std::ranges::any_of(
        parts_, [&](const Part& part) { return part.checkpoint->find(name) != nullptr; });
  }

  Result<const Checkpoint*> part_of(const CheckpointTensor& tensor) const {
    for (const Part& part : parts_) {
      if (part.checkpoint->find(tensor.name) != nullptr) return part.checkpoint.get();
    }
    return not_found("tensor " + in_quotes(tensor.name));
  }

  ZipArchive archive_;
  std::vector<std::string> files_;
  std::vector<Part> parts_;
  std::vector<CheckpointTensor> tensors_;
};

/// The entries of an archive that say what it holds; null where there is none.
struct Entries {
  const ZipEntry* weights = nullptr;
  const ZipEntry* constants = nullptr;
  bool is_old = false;  // they are files of torch.save()
  bool are_several = false;
};

void set_once(const ZipEntry& entry, const ZipEntry*& slot, bool& are_several) {
  are_several = are_several || slot != nullptr;
  slot = &entry;
}

Entries find_entries(const ZipArchive& archive) {
  Entries found;
  for (const ZipEntry& entry : archive.entries()) {
    if (is_in(entry.name, kWeights, kWeightsConfig)) {
      set_once(entry, found.weights, found.are_several);
    } else if (is_in(entry.name, kConstants, kConstantsConfig)) {
      set_once(entry, found.constants, found.are_several);
    }
  }
  if (found.weights != nullptr) return found;
  found = {.is_old = true};
  for (const ZipEntry& entry : archive.entries()) {
    if (entry.name == kOldWeights || is_in(entry.name, kWeights, ".pt")) {
      set_once(entry, found.weights, found.are_several);
    } else if (entry.name == kOldConstants || is_in(entry.name, kConstants, ".pt")) {
      set_once(entry, found.constants, found.are_several);
    }
  }
  return found;
}

}  // namespace

bool is_exported_program(const ZipArchive& archive) {
  return find_entries(archive).weights != nullptr;
}

Result<std::unique_ptr<Checkpoint>> open_exported_program(ZipArchive archive,
                                                          const std::string& path,
                                                          const ConvertLimits& limits) {
  const Entries entries = find_entries(archive);
  if (entries.are_several) {
    return invalid_argument(in_quotes(path) + " holds several exported programs, save one");
  }
  const auto add_all = [&](auto& program) -> Status {
    LW_RETURN_IF_ERROR(program.add(*entries.weights, false, limits));
    return entries.constants == nullptr ? Status() : program.add(*entries.constants, true, limits);
  };
  if (entries.is_old) {
    auto program = std::make_unique<OldProgram>(std::move(archive), path);
    LW_RETURN_IF_ERROR(add_all(*program));
    return std::unique_ptr<Checkpoint>(std::move(program));
  }
  auto program = std::make_unique<ExportedProgram>(std::move(archive), path);
  LW_RETURN_IF_ERROR(add_all(*program));
  LW_RETURN_IF_ERROR(program->finish());
  return std::unique_ptr<Checkpoint>(std::move(program));
}

}  // namespace lanewise::converters
