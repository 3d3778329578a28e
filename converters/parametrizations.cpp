#include "converters/parametrizations.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <string_view>
#include <utility>

#include "base/status_macros.hpp"
#include "converters/formats/elements.hpp"

namespace lanewise::converters {
namespace {

constexpr std::string_view kFolder = "parametrizations.";

/// The tensors of one weight in a state dict: their roles and indices.
using Parts = std::map<std::string_view, size_t>;

/// `NAME_g` is the part `g` of `NAME`; so are `NAME_v`, `_orig`, `_mask` and `_u`.
constexpr std::string_view kOldParts[] = {"_g", "_v", "_orig", "_mask", "_u"};

struct PartName {
  std::string weight;
  std::string_view part;
};

/// `a.parametrizations.weight.original0` is the part `original0` of `a.weight`.
PartName split_new(std::string_view name) {
  const size_t at = name.find(kFolder);
  if (at == std::string_view::npos || (at != 0 && name[at - 1] != '.')) return {};
  const std::string_view rest = name.substr(at + kFolder.size());
  const size_t dot = rest.find('.');
  if (dot == std::string_view::npos) return {};
  return {std::string(name.substr(0, at)).append(rest.substr(0, dot)), rest.substr(dot + 1)};
}

PartName split_old(std::string_view name) {
  for (const std::string_view part : kOldParts) {
    if (name.ends_with(part) && name.size() > part.size()) {
      return {std::string(name.substr(0, name.size() - part.size())), part};
    }
  }
  return {};
}

bool is_number(const CheckpointTensor& tensor) {
  return tensor.foreign_type.empty() && is_floating_point(tensor.type);
}

bool is_mask(const CheckpointTensor& tensor) {
  const bool whole = tensor.type == DataType::kBool || tensor.type == DataType::kU8;
  return is_number(tensor) || (tensor.foreign_type.empty() && whole);
}

/// g has one element for all, or one for each index of a single dimension.
bool are_norm_and_direction(const CheckpointTensor& g, const CheckpointTensor& v) {
  if (!is_number(g) || !is_number(v)) return false;
  if (g.shape.empty()) return true;
  if (g.shape.size() != v.shape.size() || g.shape.size() < 2) return false;
  size_t kept = 0;
  for (size_t d = 0; d < g.shape.size(); ++d) {
    if (g.shape[d] != 1 && g.shape[d] != v.shape[d]) return false;
    kept += g.shape[d] == 1 ? 0 : 1;
  }
  return kept <= 1;
}

/// Unrelated parameters may also end in `_g` and `_v`.
bool is_weight(std::string_view name) {
  return name.find("weight", name.rfind('.') + 1) != std::string_view::npos;
}

class Finder {
 public:
  explicit Finder(const std::vector<CheckpointTensor>& tensors) : tensors_(tensors) {}

  std::vector<ComputedTensor> find() {
    for (size_t i = 0; i < tensors_.size(); ++i) {
      const PartName fresh = split_new(tensors_[i].name);
      if (!fresh.part.empty()) new_[fresh.weight].emplace(fresh.part, i);
      const PartName old = split_old(tensors_[i].name);
      if (!old.part.empty()) old_[old.weight].emplace(old.part, i);
    }
    for (const auto& [name, parts] : new_) add_new(name, parts);
    for (const auto& [name, parts] : old_) add_old(name, parts);
    std::sort(found_.begin(), found_.end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
    return std::move(found_);
  }

 private:
  bool stands_there(std::string_view name) const {
    return std::binary_search(tensors_.begin(), tensors_.end(), name, ByName());
  }

  void add_new(const std::string& name, const Parts& parts) {
    if (stands_there(name)) return;
    const auto g = parts.find("original0");
    const auto v = parts.find("original1");
    // Further parts belong to a second parametrization of the same weight.
    if (parts.size() == 2 && g != parts.end() && v != parts.end() &&
        are_norm_and_direction(tensors_[g->second], tensors_[v->second])) {
      found_.push_back({name, Parametrization::kWeightNorm, {g->second, v->second}});
    } else {
      const auto original = parts.find("original");
      const auto& shown = original == parts.end() ? *parts.begin() : *original;
      found_.push_back({name, Parametrization::kUnknown, {shown.second}});
    }
  }

  void add_old(const std::string& name, const Parts& parts) {
    if (stands_there(name) || new_.contains(name)) return;
    const auto number = [&](std::string_view part) {
      const auto found = parts.find(part);
      return found == parts.end() ? tensors_.size() : found->second;
    };
    const size_t none = tensors_.size();
    const size_t original = number("_orig");
    const size_t mask = number("_mask");
    if (original != none && number("_u") != none) {
      found_.push_back({name, Parametrization::kUnknown, {original}});
    } else if (original != none && mask != none && is_number(tensors_[original]) &&
               is_mask(tensors_[mask]) && tensors_[mask].shape == tensors_[original].shape) {
      found_.push_back({name, Parametrization::kMask, {original, mask}});
    } else if (is_weight(name) && number("_g") != none && number("_v") != none &&
               are_norm_and_direction(tensors_[number("_g")], tensors_[number("_v")])) {
      found_.push_back({name, Parametrization::kWeightNorm, {number("_g"), number("_v")}});
    }
  }

  struct ByName {
    bool operator()(const CheckpointTensor& a, std::string_view b) const { return a.name < b; }
    bool operator()(std::string_view a, const CheckpointTensor& b) const { return a < b.name; }
  };

  const std::vector<CheckpointTensor>& tensors_;
  std::map<std::string, Parts, std::less<>> new_;
  std::map<std::string, Parts, std::less<>> old_;
  std::vector<ComputedTensor> found_;
};

Result<std::vector<float>> values_of(const TensorView& tensor) {
  LW_ASSIGN_OR_RETURN(const int64_t count, element_count(tensor.shape));
  std::vector<float> values(static_cast<size_t>(count));
  if (tensor.type == DataType::kBool || tensor.type == DataType::kU8) {
    const auto* bytes = tensor.as<uint8_t>();
    std::copy(bytes, bytes + values.size(), values.begin());
    return values;
  }
  LW_RETURN_IF_ERROR(convert_to_f32(tensor, values));
  return values;
}

/// Calls `visit(i, j)` for each element i of `shape`, in order, with the corresponding element j of
/// an array of shape `small`, whose sizes of 1 are broadcast.
template <typename Visit>
void for_each_pair(const Shape& shape, const Shape& small, Visit visit) {
  const size_t rank = shape.size();
  std::vector<size_t> steps(rank, 0);
  size_t next = 1;
  for (size_t d = small.size(); d-- > 0;) {
    steps[d] = small[d] == 1 ? 0 : next;
    next *= static_cast<size_t>(small[d]);
  }
  std::vector<int64_t> index(rank, 0);
  size_t count = 1;
  for (const int64_t size : shape) count *= static_cast<size_t>(size);
  size_t j = 0;
  for (size_t i = 0; i < count; ++i) {
    visit(i, j);
    for (size_t d = rank; d-- > 0;) {
      j += steps[d];
      if (++index[d] < shape[d]) break;
      j -= steps[d] * static_cast<size_t>(shape[d]);
      index[d] = 0;
    }
  }
}

/// PyTorch divides before it multiplies, in f32.
void weight_norm(const std::vector<float>& g, const Shape& g_shape, std::vector<float>& v,
                 const Shape& shape) {
  std::vector<double> squares(g.size(), 0.0);
  for_each_pair(shape, g_shape, [&](size_t i, size_t j) {
    squares[j] += static_cast<double>(v[i]) * static_cast<double>(v[i]);
  });
  std::vector<float> factors(g.size());
  for (size_t j = 0; j < g.size(); ++j)
    factors[j] = g[j] / static_cast<float>(std::sqrt(squares[j]));
  for_each_pair(shape, g_shape, [&](size_t i, size_t j) { v[i] *= factors[j]; });
}

}  // namespace

std::vector<ComputedTensor> find_parametrizations(const std::vector<CheckpointTensor>& tensors) {
  return Finder(tensors).find();
}

Status compute_parametrization(Parametrization kind, const TensorView& first,
                               const TensorView& second, Scratch& out) {
  LW_ASSIGN_OR_RETURN(std::vector<float> a, values_of(first));
  LW_ASSIGN_OR_RETURN(std::vector<float> b, values_of(second));
  if (kind == Parametrization::kWeightNorm) {
    weight_norm(a, first.shape, b, second.shape);
  } else {
    for (size_t i = 0; i < b.size(); ++i) b[i] *= a[i];
  }
  out.resize(b.size() * sizeof(float));
  if (!b.empty()) std::memcpy(out.data(), b.data(), out.size());
  return {};
}

}  // namespace lanewise::converters
