#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "converters/formats/pickle_globals.hpp"
#include "converters/formats/strided.hpp"
#include "lanewise/status.hpp"
#include "lanewise/tensor.hpp"

/// Reads Python pickles, as far as state dicts need them.
///
/// A pickle is a program for a stack machine that may call any Python function. This reader calls
/// none: it knows the opcodes that build values, and a list of names (pickle_globals.hpp) that it
/// implements itself. Any other name gives an inert object: its class is recorded for a message,
/// and it can neither become a tensor nor change one.
/// Source: the comments of CPython's Lib/pickletools.py; torch/serialization.py.
namespace lanewise::converters {

enum class PickleKind : uint8_t {
  kNone,
  kBool,
  kInt,
  kLong,  ///< an integer of more than 64 bits
  kFloat,
  kText,
  kBytes,
  kTuple,
  kList,
  kDict,
  kSet,
  kGlobal,
  kStorage,
  kTensor,
  kInert,  ///< a function or class without a meaning here, or an object made by one
};

/// The index of an object in its pickle. Lists may contain themselves; an index cannot leak.
using PickleRef = uint32_t;

struct PickleObject {
  PickleKind kind = PickleKind::kNone;
  /// kBool, kInt: the value. kStorage, kTensor: its number among those of the pickle. kInert: 1 +
  /// the index of the dict of its attributes; 0 if there is none.
  int64_t number = 0;
  /// kText, kBytes: a view into the pickle. kInert: the full name of the class, or empty.
  std::string_view text = {};
  /// kTuple, kList, kSet: elements. kDict: key, value, key, value, in the order of insertion; also
  /// kInert, whose class may derive from dict.
  std::vector<PickleRef> items = {};
  const PickleGlobal* global = nullptr;
};

/// A storage that a pickle refers to; its elements are outside the pickle.
struct PickledStorage {
  std::string_view key;
  DataType type = DataType::kF32;
  int64_t total = 0;                   ///< number of elements
  int64_t first = 0;                   ///< before PyTorch 0.4: a storage may be part of another,
  int64_t count = 0;                   ///< namely `count` elements from `first` on
  std::string_view foreign_type = {};  ///< if not empty: a type that DataType lacks
  size_t element_bytes = 0;
};

struct PickledTensor {
  size_t storage = 0;
  DataType type = DataType::kF32;
  Strided elements;  ///< checked against what the pickle says about the storage
  /// If not empty: the kind of a tensor that cannot be read; at most its shape is known.
  std::string_view foreign_type = {};
  bool is_float8 = false;  ///< `type` is kU8, the codes of float8_e4m3()
};

/// The result of reading a pickle.
struct Pickle {
  std::vector<PickleObject> objects;
  std::vector<PickledStorage> storages;
  std::vector<PickledTensor> tensors;
  PickleRef root = 0;
  size_t bytes = 0;  ///< its size
  size_t pairs = 0;  ///< entries of dictionaries that were built from others and from lists
  /// Full names that the pickle uses and that have no meaning here. Inert objects point to them.
  std::set<std::string, std::less<>> inert_names;

  Pickle() = default;
  Pickle(Pickle&&) = default;
  Pickle& operator=(Pickle&&) = default;

  const PickleObject& object(PickleRef ref) const { return objects[ref]; }
  const PickleObject& root_object() const { return objects[root]; }
};

/// Reads the pickle at the beginning of `bytes`, protocol 0 to 5. The result points into them.
///
/// `max_elements`: the maximum size of a tensor that repeats elements; see check_strided(). Memory
/// is proportional to `bytes` and at most some hundred megabytes (limits in the source).
Result<Pickle> read_pickle(std::span<const std::byte> bytes, int64_t max_elements);

}  // namespace lanewise::converters
