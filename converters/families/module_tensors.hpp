#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "converters/config.hpp"
#include "converters/families/family.hpp"
#include "converters/formats/checkpoint.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// The tensors of a custom module, by our default names or as mapped by `keys` of the config.
/// Records which of them a graph reads.
///
/// `keys` maps a name, or a prefix that ends in a dot, to that in the file. A name takes precedence
/// over prefixes, a longer prefix over a shorter one.
class ModuleTensors {
 public:
  /// `checkpoint` must outlive it. `anchor`, if not empty, is a tensor that every such module has.
  /// It identifies the attribute of an outer module that contains this one, such as `model.` in
  /// Lightning.
  static Result<ModuleTensors> create(const Config& config, const Checkpoint& checkpoint,
                                      const std::string& anchor = "");

  /// The name in the file of the tensor, or prefix, `name`.
  std::string file_name(const std::string& name);
  /// Returns null if the file has no such tensor.
  const CheckpointTensor* find(const std::string& name);
  /// Whether an optional tensor exists, or must exist because `keys` names it.
  bool has(const std::string& name);

  /// Returns the shape of a tensor that determines other shapes. kNotFound if it is missing,
  /// kInvalidArgument unless it has `dimensions` dimensions of 1 to 2^31 - 1.
  Result<Shape> shape(const std::string& name, size_t dimensions);
  /// Returns the number of rows of a matrix; 1 if there is no such matrix. The tensor is then
  /// expected with that shape, and check_tensors() reports what is wrong.
  int64_t rows(const std::string& name);
  /// Counts the layers `prefix0.*`, `prefix1.*`, ... kNotFound if one is missing.
  Result<int64_t> layers(const std::string& prefix);

  /// Records that the graph reads the tensor, and returns its name in the file.
  std::string expect(const std::string& name, const Shape& shape);
  /// The same for a part of it, which gets a name of its own.
  std::string expect_rows(const std::string& name, const Shape& whole, int64_t begin, int64_t end);
  /// The same for the whole tensor in another shape.
  std::string expect_reshaped(const std::string& name, const Shape& whole, const Shape& shape);
  /// The same for a transposed matrix.
  std::string expect_transposed(const std::string& name, const Shape& whole);
  /// The same for the result of `part.compute` on the whole tensor, or on nothing if `name` is
  /// empty. `made` must be unique among computed tensors.
  std::string expect_computed(const std::string& name, const Shape& whole, const std::string& made,
                              TensorPart part);

  /// Fails with kInvalidArgument for a key that no tensor of the model uses: it is a typo.
  Status check_keys() const;
  /// Moves the recorded tensors to `model`.
  void move_into(FamilyModel& model) &&;

 private:
  ModuleTensors(const Config& config, const Checkpoint& checkpoint,
                std::map<std::string, std::string> keys)
      : config_(config), checkpoint_(&checkpoint), keys_(std::move(keys)) {}

  Config config_;
  const Checkpoint* checkpoint_;
  /// Finds the prefix of all names of the module, which at least half of the tensors must have.
  std::string find_root(const std::string& anchor);

  std::map<std::string, std::string> keys_;
  std::string root_;
  std::set<std::string> used_keys_;
  std::set<std::pair<std::string, Shape>> expected_;
  std::vector<ExpectedTensor> tensors_;
  TensorParts parts_;
};

/// Makes `model` strict, like loading a state dict in PyTorch, except for the tensors listed in
/// `ignore` of the config.
Status expect_all_read(const Config& config, FamilyModel& model);

}  // namespace lanewise::converters
