#include "converters/families/module_weights.hpp"

#include <algorithm>
#include <span>
#include <vector>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/formats/elements.hpp"

namespace lanewise::converters {

using base::in_quotes;

Result<ModuleWeights> ModuleWeights::open(const FamilyInput& input, const std::string& folder) {
  LW_ASSIGN_OR_RETURN(std::unique_ptr<Checkpoint> checkpoint,
                      open_checkpoint_folder(input.folder.folder_path(folder)));
  for (const std::string& used : checkpoint->files()) input.folder.used(used);
  return ModuleWeights(std::move(checkpoint), folder, input.folder.folder_path(folder));
}

Result<ModuleWeights> ModuleWeights::open_file(const FamilyInput& input, const std::string& name) {
  LW_ASSIGN_OR_RETURN(std::unique_ptr<Checkpoint> checkpoint,
                      open_checkpoint_file(input.folder.path(name)));
  for (const std::string& used : checkpoint->files()) input.folder.used(used);
  return ModuleWeights(std::move(checkpoint), name, input.folder.path(name));
}

std::string ModuleWeights::label(const std::string& tensor) const {
  return in_quotes(full_path_) + ": tensor " + in_quotes(tensor);
}

Result<Shape> ModuleWeights::matrix_shape(const std::string& name) const {
  const CheckpointTensor* tensor = checkpoint_->find(name);
  if (tensor == nullptr) return not_found(label(name) + " is missing");
  if (tensor->shape.size() == 2) return tensor->shape;
  return invalid_argument(label(name) + ": expected a matrix, file has " +
                          to_string(tensor->shape));
}

Result<std::string> ModuleWeights::part(const std::string& name, const Shape& shape,
                                        TensorParts& parts) {
  LW_ASSIGN_OR_RETURN(std::vector<float> read, values(name, shape));
  return add_part(name, shape, std::move(read), parts);
}

Result<std::vector<float>> ModuleWeights::values(const std::string& name, const Shape& shape) {
  const CheckpointTensor* tensor = checkpoint_->find(name);
  if (tensor == nullptr) return not_found(label(name) + " is missing");
  if (tensor->shape != shape) {
    return invalid_argument(label(name) + ": expected " + to_string(shape) + ", file has " +
                            to_string(tensor->shape));
  }
  LW_ASSIGN_OR_RETURN(const F32Tensor read, read_f32(*checkpoint_, *tensor));
  ++used_;
  return std::vector<float>(read.values.begin(), read.values.end());
}

std::string ModuleWeights::add_part(const std::string& name, const Shape& shape,
                                    std::vector<float> values, TensorParts& parts) const {
  const auto kept = std::make_shared<const std::vector<float>>(std::move(values));
  // No tensor of the Transformer has such a name.
  std::string made = "/" + path_ + "/" + name;
  parts[made] = {.tensor = {},
                 .shape = shape,
                 .compute = [kept](std::span<const float>, std::span<float> part) {
                   std::ranges::copy(*kept, part.begin());
                 }};
  return made;
}

Status ModuleWeights::check_all_used() const {
  if (used_ == checkpoint_->tensors().size()) return {};
  return invalid_argument(in_quotes(full_path_) + " has tensors that its module does not know");
}

}  // namespace lanewise::converters
