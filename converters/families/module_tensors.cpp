#include "converters/families/module_tensors.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/plain_names.hpp"

namespace lanewise::converters {
namespace {

using base::in_quotes;

constexpr int64_t kMaxSize = INT32_MAX;

bool is_size(int64_t size) { return size >= 1 && size <= kMaxSize; }

/// The layer number N in the name `<prefix>N.<rest>`, or -1.
int64_t layer_of(std::string_view name, std::string_view prefix) {
  if (!name.starts_with(prefix)) return -1;
  name.remove_prefix(prefix.size());
  int64_t number = -1;
  const auto [rest, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  const bool whole = error == std::errc() && rest != name.data() + name.size() && *rest == '.';
  return whole ? number : -1;
}

}  // namespace

Result<ModuleTensors> ModuleTensors::create(const Config& config, const Checkpoint& checkpoint,
                                            const std::string& anchor) {
  LW_ASSIGN_OR_RETURN(auto keys, config.text_map("keys"));
  for (auto& [ours, theirs] : keys) {
    if (ours.ends_with('.') == (theirs.ends_with('.') || theirs.empty())) {
      theirs = plain_name(theirs);  // as in the checkpoint
      continue;
    }
    return invalid_argument(config.label() + ": 'keys' maps " + in_quotes(ours) + " to " +
                            in_quotes(theirs) +
                            ": expected two names, or two prefixes that end in a dot");
  }
  ModuleTensors tensors(config, checkpoint, std::move(keys));
  if (!anchor.empty()) tensors.root_ = tensors.find_root(anchor);
  return tensors;
}

std::string ModuleTensors::find_root(const std::string& anchor) {
  const std::string name = file_name(anchor);
  std::string root = "model.";  // if `keys` give the full name of the anchor
  if (checkpoint_->find(name) == nullptr) {
    const std::string end = "." + name;
    const auto all = checkpoint_->tensors();
    const auto found = std::find_if(all.begin(), all.end(), [&](const CheckpointTensor& tensor) {
      return tensor.name.ends_with(end);
    });
    if (found == all.end()) return "";
    root = found->name.substr(0, found->name.size() - name.size());
  }
  size_t inside = 0;
  for (const CheckpointTensor& tensor : checkpoint_->tensors()) {
    inside += tensor.name.starts_with(root) ? 1 : 0;
  }
  return 2 * inside > checkpoint_->tensors().size() ? root : "";
}

std::string ModuleTensors::file_name(const std::string& name) {
  const std::pair<const std::string, std::string>* best = nullptr;
  for (const auto& key : keys_) {
    const bool fits = key.first.ends_with('.') ? name.starts_with(key.first) : name == key.first;
    if (fits && (best == nullptr || key.first.size() > best->first.size())) best = &key;
  }
  if (best == nullptr) return root_ + name;
  used_keys_.insert(best->first);
  const std::string theirs = best->second + name.substr(best->first.size());
  return theirs.starts_with(root_) ? theirs : root_ + theirs;
}

const CheckpointTensor* ModuleTensors::find(const std::string& name) {
  return checkpoint_->find(file_name(name));
}

bool ModuleTensors::has(const std::string& name) {
  return find(name) != nullptr || keys_.contains(name);
}

Result<Shape> ModuleTensors::shape(const std::string& name, size_t dimensions) {
  const std::string theirs = file_name(name);
  const CheckpointTensor* tensor = checkpoint_->find(theirs);
  if (tensor == nullptr) {
    return not_found("tensor " + in_quotes(theirs) +
                     " is missing; use 'keys' in the config if the file uses another name");
  }
  const Shape& shape = tensor->shape;
  if (shape.size() == dimensions && std::all_of(shape.begin(), shape.end(), is_size)) return shape;
  return invalid_argument("tensor " + in_quotes(theirs) + ": expected " +
                          std::to_string(dimensions) + " dimensions of at least 1, file has " +
                          to_string(shape));
}

int64_t ModuleTensors::rows(const std::string& name) {
  const CheckpointTensor* tensor = find(name);
  if (tensor == nullptr || tensor->shape.empty() || !is_size(tensor->shape[0])) return 1;
  return tensor->shape[0];
}

Result<int64_t> ModuleTensors::layers(const std::string& prefix) {
  const std::string theirs = file_name(prefix);
  std::set<int64_t> numbers;
  for (const CheckpointTensor& tensor : checkpoint_->tensors()) {
    const int64_t number = layer_of(tensor.name, theirs);
    if (number >= 0) numbers.insert(number);
  }
  int64_t count = 0;
  while (numbers.contains(count)) ++count;
  const auto found = static_cast<int64_t>(numbers.size());
  if (count == found && count > 0) return count;
  return not_found("tensors " + in_quotes(theirs + std::to_string(count) + ".*") + " are missing" +
                   (found == 0 ? "; use 'keys' in the config if the file uses other names"
                               : ", the file has others up to " +
                                     in_quotes(theirs + std::to_string(*numbers.rbegin()) + ".*")));
}

std::string ModuleTensors::expect(const std::string& name, const Shape& shape) {
  std::string theirs = file_name(name);
  if (expected_.insert({theirs, shape}).second) tensors_.push_back({theirs, shape});
  return theirs;
}

std::string ModuleTensors::expect_rows(const std::string& name, const Shape& whole, int64_t begin,
                                       int64_t end) {
  const std::string theirs = expect(name, whole);
  int64_t width = 1;
  for (size_t i = 1; i < whole.size(); ++i) width *= whole[i];
  Shape shape = whole;
  shape[0] = end - begin;
  std::string part = theirs + "[" + std::to_string(begin) + ":" + std::to_string(end) + "]";
  parts_[part] = {theirs, begin * width, std::move(shape)};
  return part;
}

std::string ModuleTensors::expect_reshaped(const std::string& name, const Shape& whole,
                                           const Shape& shape) {
  std::string theirs = expect(name, whole);
  if (whole == shape) return theirs;
  std::string part = theirs + to_string(shape);
  parts_[part] = {theirs, 0, shape};
  return part;
}

std::string ModuleTensors::expect_transposed(const std::string& name, const Shape& whole) {
  const auto rows = static_cast<size_t>(whole[0]);
  const auto columns = static_cast<size_t>(whole[1]);
  const auto transpose = [rows, columns](std::span<const float> from, std::span<float> to) {
    for (size_t r = 0; r < rows; ++r) {
      for (size_t c = 0; c < columns; ++c) to[c * rows + r] = from[r * columns + c];
    }
  };
  return expect_computed(name, whole, file_name(name) + "^T",
                         {.tensor = {}, .shape = {whole[1], whole[0]}, .compute = transpose});
}

std::string ModuleTensors::expect_computed(const std::string& name, const Shape& whole,
                                           const std::string& made, TensorPart part) {
  if (!name.empty()) part.tensor = expect(name, whole);
  parts_[made] = std::move(part);
  return made;
}

Status ModuleTensors::check_keys() const {
  for (const auto& [ours, theirs] : keys_) {
    if (used_keys_.contains(ours)) continue;
    return invalid_argument(config_.label() + ": 'keys' has " + in_quotes(ours) +
                            ", which is not a tensor of this model");
  }
  return {};
}

void ModuleTensors::move_into(FamilyModel& model) && {
  model.tensors = std::move(tensors_);
  model.parts = std::move(parts_);
}

Status expect_all_read(const Config& config, FamilyModel& model) {
  model.strict = true;
  LW_ASSIGN_OR_RETURN(model.ignore, config.texts("ignore"));
  for (std::string& entry : model.ignore) entry = plain_name(entry);  // as in the checkpoint
  return {};
}

}  // namespace lanewise::converters
