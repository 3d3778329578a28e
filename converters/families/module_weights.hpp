#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "converters/families/family.hpp"
#include "converters/formats/checkpoint.hpp"
#include "converters/pack/tensor_parts.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// The weights of a module beside the encoder, in files of its own, which have their own names in a
/// graph.
class ModuleWeights {
 public:
  /// Those in a folder of the source.
  static Result<ModuleWeights> open(const FamilyInput& input, const std::string& folder);
  /// Those in a file of the source.
  static Result<ModuleWeights> open_file(const FamilyInput& input, const std::string& name);

  /// The shape of a tensor of two dimensions. kNotFound if there is none of that name,
  /// kInvalidArgument for another number of dimensions.
  Result<Shape> matrix_shape(const std::string& name) const;

  /// Returns the name of a new part with the tensor's values. Reads it now, because packing a graph
  /// takes the values of a part and cannot handle an error.
  Result<std::string> part(const std::string& name, const Shape& shape, TensorParts& parts);

  /// Returns the values of a tensor, which counts as used.
  Result<std::vector<float>> values(const std::string& name, const Shape& shape);
  /// Returns the name of a new part with these values, computed from the tensor `name`.
  std::string add_part(const std::string& name, const Shape& shape, std::vector<float> values,
                       TensorParts& parts) const;

  /// Like strict loading in PyTorch.
  Status check_all_used() const;

 private:
  ModuleWeights(std::unique_ptr<Checkpoint> checkpoint, std::string path, std::string full_path)
      : checkpoint_(std::move(checkpoint)),
        path_(std::move(path)),
        full_path_(std::move(full_path)) {}

  std::string label(const std::string& tensor) const;

  std::unique_ptr<Checkpoint> checkpoint_;
  std::string path_;       // in the source's folder
  std::string full_path_;  // for messages
  size_t used_ = 0;
};

}  // namespace lanewise::converters
