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

/// The tensors of somebody's own module: by our default names for them, or by what `keys` of the
/// config says of these names. Collects which of them a graph reads.
///
/// `keys` maps a name, or a prefix of names that ends in a dot, to the file's. A name has
/// precedence over prefixes, a longer prefix over a shorter one.
class ModuleTensors {
 public:
  /// `checkpoint` must outlive it. `anchor`, where not empty, is a tensor that every such module
  /// has: it tells in which attribute of another module this one stands, as `model.` in
  /// Lightning's.
  static Result<ModuleTensors> create(const Config& config, const Checkpoint& checkpoint,
                                      const std::string& anchor = "");

  /// What the file calls the tensor, or prefix, `name`.
  std::string file_name(const std::string& name);
  /// Null where the file has none.
  const CheckpointTensor* find(const std::string& name);
  /// Whether an optional tensor is there, or `keys` names it, so that it has to be.
  bool has(const std::string& name);

  /// The shape of a tensor that others are measured by. kNotFound, or kInvalidArgument unless it
  /// has `dimensions` of 1 to 2^31 - 1.
  Result<Shape> shape(const std::string& name, size_t dimensions);
  /// Rows of a matrix whose columns are known. Where there is no such matrix, 1: the tensor is then
  /// expected with that shape, and check_tensors() says what is wrong with it.
  int64_t rows(const std::string& name);
  /// How many layers `prefix0.*`, `prefix1.*`, ... there are. kNotFound when one is missing.
  Result<int64_t> layers(const std::string& prefix);

  /// Notes that the graph reads the tensor, and returns the file's name for it.
  std::string expect(const std::string& name, const Shape& shape);
  /// The same for a part of it, which gets a name that says which one.
  std::string expect_rows(const std::string& name, const Shape& whole, int64_t begin, int64_t end);
  /// A part that is the whole of it in another shape.
  std::string expect_reshaped(const std::string& name, const Shape& whole, const Shape& shape);
  /// A matrix the other way round.
  std::string expect_transposed(const std::string& name, const Shape& whole);
  /// What `part.compute` makes of the whole tensor, or of nothing where `name` is empty. `made`
  /// tells it from everything else that is made.
  std::string expect_computed(const std::string& name, const Shape& whole, const std::string& made,
                              TensorPart part);

  /// kInvalidArgument for a key that no tensor of the model was looked up by: a slip of the pen.
  Status check_keys() const;
  /// Gives `model` what was collected.
  void move_into(FamilyModel& model) &&;

 private:
  ModuleTensors(const Config& config, const Checkpoint& checkpoint,
                std::map<std::string, std::string> keys)
      : config_(config), checkpoint_(&checkpoint), keys_(std::move(keys)) {}

  Config config_;
  const Checkpoint* checkpoint_;
  /// What stands before all names of the module, of which at least half of the tensors are.
  std::string find_root(const std::string& anchor);

  std::map<std::string, std::string> keys_;
  std::string root_;
  std::set<std::string> used_keys_;
  std::set<std::pair<std::string, Shape>> expected_;
  std::vector<ExpectedTensor> tensors_;
  TensorParts parts_;
};

/// Makes `model` strict, as loading a state dict is in PyTorch, but for what `ignore` of the config
/// lists.
Status expect_all_read(const Config& config, FamilyModel& model);

}  // namespace lanewise::converters
