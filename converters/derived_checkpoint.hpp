#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "converters/formats/checkpoint.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// A tensor that is computed whenever it is read: a merged adapter, or the values of a quantised
/// weight.
struct DerivedTensor {
  std::string name;
  Shape shape;
  std::string computed_from;  ///< the type of what the file stores, for listings
  /// Computes all elements, row-major, from tensors of the checkpoint below. Thread-safe.
  std::function<Status(const Checkpoint& stored, std::span<float> values)> compute;
  /// If not null: a format of blocks with the same values, in which compute_blocks() gives them.
  const ops::BlockFormat* blocks = nullptr;
  std::function<Status(const Checkpoint& stored, Scratch& blocks)> compute_blocks = {};
};

/// What changes in a checkpoint.
struct Derivation {
  /// New tensors; one that has the name of a stored tensor replaces it.
  std::vector<DerivedTensor> tensors;
  /// Names of stored tensors that are omitted, such as the scales of a quantised weight.
  std::vector<std::string> omitted;
  /// Other files that the new tensors are computed from.
  std::vector<std::string> files;
  std::vector<std::string> notes;
};

/// `stored` with the derived tensors, as f32, and without the omitted ones.
std::unique_ptr<Checkpoint> derive(std::unique_ptr<Checkpoint> stored, Derivation derivation);

}  // namespace lanewise::converters
