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

/// Python's pickles, as far as state dicts need them.
///
/// A pickle is a program for a stack machine which may call any function of Python. This reader
/// calls none: it knows the opcodes that build values, and a list of names (pickle_globals.hpp)
/// which stand for things of its own. What any other name would make is an inert object: its class
/// is remembered for a message, and it can neither become a tensor nor change one.
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
  kInert,  ///< a function or class that means nothing here, or what it would have made
};

/// Number of an object in its pickle. Lists may contain themselves, and a number cannot leak.
using PickleRef = uint32_t;

struct PickleObject {
  PickleKind kind = PickleKind::kNone;
  /// kBool, kInt: the value. kStorage, kTensor: its number among those of the pickle.
  int64_t number = 0;
  /// kText, kBytes: where they stand in the pickle. kInert: the full name of the class, or empty.
  std::string_view text = {};
  /// kTuple, kList, kSet: elements. kDict: key, value, key, value, in the order of their setting;
  /// also kInert, which may be of somebody's own class of dicts.
  std::vector<PickleRef> items = {};
  const PickleGlobal* global = nullptr;
};

/// What a pickle says about elements that stand outside of it.
struct PickledStorage {
  std::string_view key;
  DataType type = DataType::kF32;
  int64_t total = 0;                   ///< elements that stand there
  int64_t first = 0;                   ///< before PyTorch 0.4: a storage may be a part of another,
  int64_t count = 0;                   ///< these elements of it
  std::string_view foreign_type = {};  ///< not empty: a type that DataType lacks
  size_t element_bytes = 0;
};

struct PickledTensor {
  size_t storage = 0;
  DataType type = DataType::kF32;
  Strided elements;  ///< checked against what the pickle says about the storage
  /// Not empty: the kind of a tensor that cannot be read; only its shape is known, if that.
  std::string_view foreign_type = {};
};

/// A pickle that was read.
struct Pickle {
  std::vector<PickleObject> objects;
  std::vector<PickledStorage> storages;
  std::vector<PickledTensor> tensors;
  PickleRef root = 0;
  size_t bytes = 0;  ///< that it took
  size_t pairs = 0;  ///< of dictionaries that were made from others and from lists
  /// Full names of what was asked for and means nothing here. Inert objects point to them.
  std::set<std::string, std::less<>> inert_names;

  Pickle() = default;
  Pickle(Pickle&&) = default;
  Pickle& operator=(Pickle&&) = default;

  const PickleObject& object(PickleRef ref) const { return objects[ref]; }
  const PickleObject& root_object() const { return objects[root]; }
};

/// Reads the pickle that `bytes` begin with: protocol 0 to 5. The result points into them.
///
/// `max_elements`: what a tensor may have at most if it repeats its storage's; see check_strided().
/// Memory is at most some hundred megabytes (limits in the source), and proportional to `bytes`.
Result<Pickle> read_pickle(std::span<const std::byte> bytes, int64_t max_elements);

}  // namespace lanewise::converters
