#include "lanewise/inspect.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/no_throw.hpp"
#include "runtime/file/mapping.hpp"
#include "runtime/file/safetensors.hpp"
#include "runtime/model_data.hpp"

namespace lanewise {
namespace {

bool is_tokenizer(const TensorInfo& tensor) {
  return tensor.name == internal::kTokenizerTensor ||
         tensor.name == internal::kTargetTokenizerTensor;
}

/// Scales and sums that belong to quantised weights are no parameters of their own.
bool belongs_to_integers(const TensorInfo& tensor) {
  constexpr std::array kRoles = {".weight_scale", ".weight_sum", ".weight_minimum", ".input_scale",
                                 ".table_scale"};
  return std::any_of(kRoles.begin(), kRoles.end(),
                     [&](const char* role) { return tensor.name.ends_with(role); });
}

std::string lower_case(std::string_view name) {
  std::string result(name);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

std::string weights_type(const ModelContents& contents) {
  // The largest tensors of a quantised model may be its tables: the file says what it is.
  const auto recorded = nlohmann::json::parse(contents.quantization, nullptr, false);
  if (recorded.is_object() && recorded.contains("weights")) {
    for (const char* integers : {"int8", "int4"}) {
      if (recorded["weights"] == integers) return integers;
    }
  }
  std::map<DataType, int64_t> bytes;
  for (const TensorInfo& tensor : contents.tensors) {
    if (!is_tokenizer(tensor)) bytes[tensor.type] += tensor.bytes;
  }
  DataType type = DataType::kF32;
  for (const auto& [candidate, size] : bytes) {
    if (size > bytes[type]) type = candidate;
  }
  return lower_case(name_of(type));
}

int64_t parameters(const ModelContents& contents) {
  int64_t count = 0;
  for (const TensorInfo& tensor : contents.tensors) {
    if (is_tokenizer(tensor) || belongs_to_integers(tensor)) continue;
    // Bytes that are no text are pairs of 4-bit numbers.
    count += element_count(tensor.shape).value() * (tensor.type == DataType::kU8 ? 2 : 1);
  }
  return count;
}

}  // namespace

Result<ModelContents> inspect(const Model& model) {
  return base::no_throw([&]() -> Result<ModelContents> {
    const internal::ModelData& data = model.data();
    ModelContents contents;
    for (const file::TensorEntry& entry : data.file().tensors()) {
      contents.tensors.push_back({.name = entry.name,
                                  .type = entry.type,
                                  .shape = entry.shape,
                                  .bytes = static_cast<int64_t>(entry.end - entry.begin)});
    }
    contents.has_tokenizer = data.has_tokenizer();
    contents.provenance = data.provenance();
    contents.quantization = data.quantization();
    contents.parameters = parameters(contents);
    contents.weights_type = weights_type(contents);
    return contents;
  });
}

bool is_model_file(const std::string& path) noexcept {
  const auto found = base::no_throw([&]() -> Result<bool> {
    const Result<file::MappedFile> file = file::MappedFile::open(path);
    if (!file.ok()) return false;
    const auto view = file::SafetensorsView::parse(file->bytes(), path);
    return view.ok() && view->metadata().contains(internal::kFormatKey);
  });
  return found.ok() && *found;
}

}  // namespace lanewise
