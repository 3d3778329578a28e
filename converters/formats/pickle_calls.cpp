#include "converters/formats/pickle_calls.hpp"

#include <string>
#include <utility>

#include "base/messages.hpp"
#include "base/status_macros.hpp"

namespace lanewise::converters {
namespace {

/// PyTorch's own limit.
constexpr size_t kMaxTensorDimensions = 64;
/// A tensor takes some two hundred bytes here.
constexpr size_t kMaxTensors = 1 << 20;
/// Pairs that all dicts together may copy from lists and other dicts, since one of these can be
/// copied any number of times.
constexpr size_t kMaxPairs = 1 << 20;

using enum PickleKind;

Status wrong_arguments(const PickleGlobal& global, const std::string& expected) {
  return data_loss("pickle calls " +
                   base::in_quotes(std::string(global.module).append(".").append(global.name)) +
                   " with something other than " + expected + std::string(kNothingExecuted));
}

bool is_size(const PickleObject& object) { return object.kind == kInt && object.number >= 0; }

/// A tuple or list of sizes.
Result<Shape> sizes_of(const Pickle& pickle, const PickleGlobal& global, PickleRef ref) {
  const PickleObject& tuple = pickle.object(ref);
  const bool known = (tuple.kind == kTuple || tuple.kind == kList);
  if (!known || tuple.items.size() > kMaxTensorDimensions) {
    return wrong_arguments(global, "a tuple of sizes");
  }
  Shape sizes;
  for (const PickleRef item : tuple.items) {
    if (!is_size(pickle.object(item))) return wrong_arguments(global, "sizes of 0 or more");
    sizes.push_back(pickle.object(item).number);
  }
  return sizes;
}

/// A tensor over all of a storage, counted in elements of `type`.
Result<PickleObject> add_tensor(Pickle& pickle, PickledTensor tensor, int64_t max_elements) {
  const PickledStorage& storage = pickle.storages[tensor.storage];
  const auto ratio = static_cast<int64_t>(size_of(tensor.type) / size_of(storage.type));
  LW_RETURN_IF_ERROR(check_strided(tensor.elements, storage.count / ratio, max_elements));
  if (pickle.tensors.size() == kMaxTensors)
    return resource_exhausted("pickle has too many tensors");
  pickle.tensors.push_back(std::move(tensor));
  return PickleObject{kTensor, static_cast<int64_t>(pickle.tensors.size() - 1)};
}

/// A tensor that cannot be read: nothing in the file about its elements is trusted.
Result<PickleObject> add_foreign(Pickle& pickle, std::string_view type, Shape shape) {
  if (pickle.tensors.size() == kMaxTensors)
    return resource_exhausted("pickle has too many tensors");
  PickledTensor tensor;
  tensor.foreign_type = type;
  tensor.elements.shape = std::move(shape);
  pickle.tensors.push_back(std::move(tensor));
  return PickleObject{kTensor, static_cast<int64_t>(pickle.tensors.size() - 1)};
}

/// A quantised, sparse or nested tensor; the third argument is often its shape.
Result<PickleObject> rebuild_foreign(Pickle& pickle, const PickleGlobal& global,
                                     std::span<const PickleRef> arguments) {
  Shape shape;
  if (arguments.size() > 2) {
    Result<Shape> sizes = sizes_of(pickle, global, arguments[2]);
    if (sizes.ok()) shape = std::move(*sizes);
  }
  return add_foreign(pickle, global.name, std::move(shape));
}

/// Elements are read as stored, so views that `neg` or `conj` would change are rejected.
bool has_metadata(const PickleObject& metadata) {
  return metadata.kind != kNone && !(metadata.kind == kDict && metadata.items.empty());
}

/// (storage, offset, sizes, strides), then requires_grad and hooks, which are ignored; then a data
/// type if the role says so, and metadata.
Result<PickleObject> rebuild_tensor(Pickle& pickle, const PickleGlobal& global,
                                    std::span<const PickleRef> arguments, int64_t max_elements) {
  const bool typed = global.role == GlobalRole::kRebuildTensorOfType;
  const size_t metadata = typed ? 7 : 6;
  if (arguments.size() < (typed ? 7U : 4U) || arguments.size() > metadata + 1) {
    return wrong_arguments(global, "a storage, offset, size and stride");
  }
  const PickleObject& storage = pickle.object(arguments[0]);
  const PickleObject& offset = pickle.object(arguments[1]);
  if (storage.kind != kStorage) return wrong_arguments(global, "a storage");
  if (!is_size(offset)) return wrong_arguments(global, "an offset of 0 or more");
  PickledTensor tensor;
  tensor.storage = static_cast<size_t>(storage.number);
  tensor.type = pickle.storages[tensor.storage].type;
  tensor.elements.offset = offset.number;
  LW_ASSIGN_OR_RETURN(tensor.elements.shape, sizes_of(pickle, global, arguments[2]));
  LW_ASSIGN_OR_RETURN(tensor.elements.strides, sizes_of(pickle, global, arguments[3]));
  const PickledStorage& stored = pickle.storages[tensor.storage];
  if (!stored.foreign_type.empty()) {
    return add_foreign(pickle, stored.foreign_type, std::move(tensor.elements.shape));
  }
  if (typed) {
    const PickleGlobal* type = pickle.object(arguments[6]).global;
    tensor.is_float8 = type != nullptr && type->name == "float8_e4m3fn";
    if (tensor.is_float8 && size_of(tensor.type) == 1) {
      return add_tensor(pickle, std::move(tensor), max_elements);
    }
    if (type != nullptr && type->role == GlobalRole::kForeignDataType) {
      return add_foreign(pickle, type->name, std::move(tensor.elements.shape));
    }
    if (type == nullptr || type->role != GlobalRole::kDataType || size_of(tensor.type) != 1) {
      return wrong_arguments(global, "a storage of bytes and a data type");
    }
    tensor.type = type->type;
  }
  if (arguments.size() > metadata && has_metadata(pickle.object(arguments[metadata]))) {
    return add_foreign(pickle, "negated or conjugated view", std::move(tensor.elements.shape));
  }
  return add_tensor(pickle, std::move(tensor), max_elements);
}

/// Python 2 writes an OrderedDict as a list of its pairs; later versions set them afterwards.
Result<PickleObject> ordered_dict(Pickle& pickle, const PickleGlobal& global,
                                  std::span<const PickleRef> arguments) {
  PickleObject dict{kDict};
  if (arguments.empty()) return dict;
  const PickleObject& list = pickle.object(arguments[0]);
  if (arguments.size() != 1 || list.kind != kList) {
    return wrong_arguments(global, "a list of pairs");
  }
  pickle.pairs += list.items.size();
  if (pickle.pairs > kMaxPairs) return resource_exhausted("pickle has too many dictionary entries");
  for (const PickleRef ref : list.items) {
    const PickleObject& pair = pickle.object(ref);
    if ((pair.kind != kList && pair.kind != kTuple) || pair.items.size() != 2) {
      return wrong_arguments(global, "a list of pairs");
    }
    dict.items.insert(dict.items.end(), pair.items.begin(), pair.items.end());
  }
  return dict;
}

/// An object of a custom class, which may be a dict.
Result<PickleObject> reconstruct(Pickle& pickle, std::span<const PickleRef> arguments) {
  PickleObject made{kInert};
  if (arguments.size() != 3) return made;
  const PickleObject& maker = pickle.object(arguments[0]);
  const PickleObject& kept = pickle.object(arguments[2]);
  if (maker.kind == kInert) made.text = maker.text;
  if (kept.kind != kDict) return made;
  pickle.pairs += kept.items.size() / 2;
  if (pickle.pairs > kMaxPairs) return resource_exhausted("pickle has too many dictionary entries");
  made.items = kept.items;
  return made;
}

/// The first argument is the tensor; the others concern training.
Result<PickleObject> rebuild_parameter(const Pickle& pickle, const PickleGlobal& global,
                                       std::span<const PickleRef> arguments) {
  if (!arguments.empty()) {
    const PickleObject& data = pickle.object(arguments[0]);
    if (data.kind == kTensor) return data;
    if (data.kind == kInert) return PickleObject{kInert, 0, data.text};
  }
  return wrong_arguments(global, "a tensor");
}

/// torch.Size(tuple).
Result<PickleObject> size_tuple(const Pickle& pickle, const PickleGlobal& global,
                                std::span<const PickleRef> arguments) {
  if (arguments.size() != 1) return wrong_arguments(global, "a tuple of sizes");
  LW_RETURN_IF_ERROR(sizes_of(pickle, global, arguments[0]).status());
  return pickle.object(arguments[0]);
}

/// (function, class, arguments, attributes): a tensor with added attributes.
Result<PickleObject> rebuild_from_type(Pickle& pickle, const PickleGlobal& global,
                                       std::span<const PickleRef> arguments, int64_t max_elements) {
  if (arguments.size() != 4 || pickle.object(arguments[2]).kind != kTuple) {
    return wrong_arguments(global, "a function, class, arguments and attributes");
  }
  const PickleObject& rebuild = pickle.object(arguments[0]);
  if (rebuild.kind == kInert) return PickleObject{kInert, 0, rebuild.text};
  const PickleGlobal* function = rebuild.global;
  const bool rebuilds =
      function != nullptr && (function->role == GlobalRole::kRebuildTensor ||
                              function->role == GlobalRole::kRebuildTensorOfType ||
                              function->role == GlobalRole::kRebuildParameter ||
                              function->role == GlobalRole::kRebuildForeign);
  if (!rebuilds) return wrong_arguments(global, "a function that rebuilds a tensor");
  return call_global(pickle, *function, pickle.object(arguments[2]).items, max_elements);
}

bool is_storage_type(const PickleGlobal& global) {
  return global.role == GlobalRole::kStorageType || global.role == GlobalRole::kForeignStorageType;
}

/// ('module', class, file, text): the legacy form stores the source code of a whole model's
/// classes.
bool is_module_class(const Pickle& pickle, const PickleObject& id) {
  return id.kind == kTuple && id.items.size() == 4 && pickle.object(id.items[0]).kind == kText &&
         pickle.object(id.items[0]).text == "module" && pickle.object(id.items[1]).kind == kInert;
}

Status wrong_id(const std::string& what) {
  return data_loss("persistent id " + what + std::string(kNothingExecuted));
}

/// None, or (key, first element, elements).
Status read_view(const Pickle& pickle, const PickleObject& view, PickledStorage& storage) {
  if (view.kind == kNone) return {};
  const bool known = view.kind == kTuple && view.items.size() == 3 &&
                     is_size(pickle.object(view.items[1])) && is_size(pickle.object(view.items[2]));
  if (!known) return wrong_id("has a view other than (key, offset, elements)");
  storage.first = pickle.object(view.items[1]).number;
  storage.count = pickle.object(view.items[2]).number;
  if (storage.first <= storage.total && storage.count <= storage.total - storage.first) return {};
  return wrong_id("has a view that leaves its storage");
}

}  // namespace

Result<PickleObject> call_global(Pickle& pickle, const PickleGlobal& global,
                                 std::span<const PickleRef> arguments, int64_t max_elements) {
  switch (global.role) {
    case GlobalRole::kDefaultDict:
      return PickleObject{kDict};
    case GlobalRole::kReconstruct:
      return reconstruct(pickle, arguments);
    case GlobalRole::kRebuildForeign:
      return rebuild_foreign(pickle, global, arguments);
    case GlobalRole::kOrderedDict:
      return ordered_dict(pickle, global, arguments);
    case GlobalRole::kRebuildTensor:
    case GlobalRole::kRebuildTensorOfType:
      return rebuild_tensor(pickle, global, arguments, max_elements);
    case GlobalRole::kRebuildParameter:
      return rebuild_parameter(pickle, global, arguments);
    case GlobalRole::kRebuildFromType:
      return rebuild_from_type(pickle, global, arguments, max_elements);
    case GlobalRole::kSize:
      return size_tuple(pickle, global, arguments);
    case GlobalRole::kIgnored:
      return PickleObject{kInert};
    case GlobalRole::kStorageType:
    case GlobalRole::kDataType:
    case GlobalRole::kForeignStorageType:
    case GlobalRole::kForeignDataType:
      break;
  }
  return wrong_arguments(global, "a use as a type");
}

Result<PickleObject> storage_of_id(Pickle& pickle, const PickleObject& id) {
  const auto& items = id.items;
  if (is_module_class(pickle, id)) return PickleObject{kInert, 0, pickle.object(items[1]).text};
  if (id.kind != kTuple || items.size() < 5 || items.size() > 6) {
    return wrong_id("is not ('storage', type, key, device, elements)");
  }
  const PickleObject& tag = pickle.object(items[0]);
  const PickleGlobal* type = pickle.object(items[1]).global;
  const PickleObject& key = pickle.object(items[2]);
  const PickleObject& count = pickle.object(items[4]);
  if (tag.kind != kText || tag.text != "storage" || key.kind != kText || !is_size(count) ||
      type == nullptr || !is_storage_type(*type)) {
    return wrong_id("is not ('storage', type, key, device, elements)");
  }
  PickledStorage storage{key.text, type->type, count.number, 0, count.number};
  const bool foreign = type->role == GlobalRole::kForeignStorageType;
  if (foreign) storage.foreign_type = type->name;
  storage.element_bytes = foreign ? type->bytes : size_of(type->type);
  if (items.size() == 6) LW_RETURN_IF_ERROR(read_view(pickle, pickle.object(items[5]), storage));
  if (pickle.storages.size() == kMaxTensors)
    return resource_exhausted("pickle has too many storages");
  pickle.storages.push_back(storage);
  return PickleObject{kStorage, static_cast<int64_t>(pickle.storages.size() - 1)};
}

}  // namespace lanewise::converters
