#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "converters/formats/checkpoint.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// How a tensor differs from the one that Transformers has.
enum class Rearrangement {
  kNone,
  /// Rows of queries or keys whose features are turned in pairs (0, 1), (2, 3), ...; Transformers
  /// turns feature i with feature i + head_dim / 2.
  kPairs,
  /// Rows of all queries, all keys and all values; Transformers has those of a head together.
  kThirds,
  /// A weight of a norm to which 1 was added.
  kOneAdded,
  /// A matrix that Transformers stores as [in, out].
  kTransposed,
};

/// A tensor as Transformers names it, made of one in the file.
struct RearrangedTensor {
  std::string name;
  std::string stored;  ///< its name in the file
  Rearrangement how = Rearrangement::kNone;
  int64_t heads = 1;  ///< for kPairs and kThirds
};

/// The tensors of `stored` under the names, and with the elements, of Transformers. Rows only
/// change places, so blocks stay what they are; kOneAdded and kTransposed are f32 without blocks.
///
/// name_in_file  as Checkpoint::name_in_file()
/// Fails with kDataLoss if a shape does not fit, or if two tensors have the same name.
Result<std::unique_ptr<Checkpoint>> rearrange(
    std::unique_ptr<Checkpoint> stored, std::vector<RearrangedTensor> tensors,
    std::function<std::string(const std::string&)> name_in_file);

}  // namespace lanewise::converters
