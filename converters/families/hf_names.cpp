#include "converters/families/hf_names.hpp"

#include <algorithm>
#include <utility>

#include "base/messages.hpp"
#include "base/status_macros.hpp"

namespace lanewise::converters {
namespace {

/// Whether two tensors have the same type, shape and bytes.
Result<bool> same_elements(const Checkpoint& checkpoint, const CheckpointTensor& a,
                           const CheckpointTensor& b) {
  if (a.type != b.type || a.shape != b.shape) return false;
  Scratch scratch_a;
  Scratch scratch_b;
  LW_ASSIGN_OR_RETURN(const TensorView view_a, checkpoint.read(a, scratch_a));
  LW_ASSIGN_OR_RETURN(const TensorView view_b, checkpoint.read(b, scratch_b));
  LW_ASSIGN_OR_RETURN(const int64_t count, element_count(view_a.shape));
  const size_t bytes = static_cast<size_t>(count) * size_of(view_a.type);
  const auto* begin = static_cast<const std::byte*>(view_a.data);
  return view_a.data == view_b.data ||
         std::equal(begin, begin + bytes, static_cast<const std::byte*>(view_b.data));
}

}  // namespace

Result<std::string> find_prefix(const Checkpoint& checkpoint, std::string_view anchor,
                                std::string_view usual) {
  std::vector<std::string> prefixes;
  for (const CheckpointTensor& tensor : checkpoint.tensors()) {
    if (!tensor.name.ends_with(anchor)) continue;
    std::string prefix = tensor.name.substr(0, tensor.name.size() - anchor.size());
    if (prefix.empty() || prefix == usual) return prefix;
    if (prefix.ends_with('.')) prefixes.push_back(std::move(prefix));
  }
  if (prefixes.size() > 1) {
    return invalid_argument("the checkpoint holds several models: " + base::in_quotes(prefixes[0]) +
                            ", " + base::in_quotes(prefixes[1]));
  }
  return prefixes.empty() ? std::string() : prefixes.front();
}

std::string outside_of_model(const std::string& prefix, std::string_view own) {
  return prefix.ends_with(own) ? prefix.substr(0, prefix.size() - own.size()) : prefix;
}

const std::string& TiedTensors::common() const {
  const auto found = std::find_if(names_.begin(), names_.end(), [&](const std::string& name) {
    return checkpoint_.find(name) != nullptr;
  });
  return found == names_.end() ? names_.front() : *found;
}

Result<std::string> TiedTensors::of(const std::string& own) const {
  const CheckpointTensor* tensor = checkpoint_.find(own);
  if (tensor == nullptr || own == common()) return common();
  LW_ASSIGN_OR_RETURN(const bool same,
                      same_elements(checkpoint_, *tensor, *checkpoint_.find(common())));
  return same ? common() : own;
}

}  // namespace lanewise::converters
