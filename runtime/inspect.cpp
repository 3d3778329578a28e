#include "lanewise/inspect.hpp"

#include <map>
#include <optional>
#include <set>
#include <utility>

#include "base/json.hpp"
#include "base/no_throw.hpp"
#include "runtime/file/checksums.hpp"
#include "runtime/file/mapping.hpp"
#include "runtime/file/safetensors.hpp"
#include "runtime/model_data.hpp"

namespace lanewise {
namespace {

/// A tokenizer, or the checksums.
bool is_no_weight(const TensorInfo& tensor) {
  return tensor.name == internal::kTokenizerTensor ||
         tensor.name == internal::kTargetTokenizerTensor ||
         tensor.name == internal::kChecksumsTensor;
}

/// The tensors that weights need beside their panels or rows, scales and sums: no parameters of
/// their own.
std::set<std::string, std::less<>> companions(const internal::ModelData& data) {
  std::set<std::string, std::less<>> names;
  for (const graph::Node& node : data.graph().nodes) {
    for (const auto& [role, tensors] : node.weights) {
      const std::optional<ops::WeightFormat> format = data.find_format(tensors.front());
      if (!format) continue;
      for (const auto& [other, companion] : node.weights) {
        if (ops::is_companion(*format, role, other)) names.insert(companion.front());
      }
    }
  }
  return names;
}

std::string weights_type(const ModelContents& contents, const internal::ModelData& data) {
  // The largest tensors of a quantised model may be its tables: the file says what it is.
  const std::string& record = contents.quantization;
  const Result<base::JsonDocument> recorded = base::parse_json(record, record.size());
  const base::JsonValue* weights = recorded.ok() ? recorded->root().find("weights") : nullptr;
  for (const char* integers : {"int8", "int4"}) {
    if (weights != nullptr && weights->is(integers)) return integers;
  }
  std::map<std::string_view, int64_t> bytes;
  for (const TensorInfo& tensor : contents.tensors) {
    const std::optional<ops::WeightFormat> format = data.find_format(tensor.name);
    if (format) bytes[ops::label_of(ops::info_of(*format))] += tensor.bytes;
  }
  std::string_view type = "f32";
  for (const auto& [candidate, size] : bytes) {
    if (size > bytes[type]) type = candidate;
  }
  return std::string(type);
}

int64_t parameters(const ModelContents& contents, const internal::ModelData& data) {
  const std::set<std::string, std::less<>> others = companions(data);
  int64_t count = 0;
  for (const TensorInfo& tensor : contents.tensors) {
    if (is_no_weight(tensor) || others.contains(tensor.name)) continue;
    const std::optional<ops::WeightFormat> format = data.find_format(tensor.name);
    count += format && ops::has_panels(*format) ? ops::weights_in(*format, tensor.bytes)
                                                : element_count(tensor.shape).value();
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
      const std::optional<ops::WeightFormat> format = data.find_format(entry.name);
      if (format) contents.tensors.back().format = ops::name_of(*format);
    }
    contents.has_tokenizer = data.has_tokenizer();
    contents.provenance = data.provenance();
    contents.quantization = data.quantization();
    contents.parameters = parameters(contents, data);
    contents.weights_type = weights_type(contents, data);
    return contents;
  });
}

Status verify(const Model& model) {
  return base::no_throw([&]() -> Status {
    return file::check_checksums(model.data().file(), internal::kChecksumsTensor);
  });
}

Result<bool> is_model_file(const std::string& path) {
  return base::no_throw([&]() -> Result<bool> {
    const auto no = [](const Status& status) -> Result<bool> {
      if (status.code() == StatusCode::kResourceExhausted) return status;
      return false;
    };
    const Result<file::MappedFile> file = file::MappedFile::open(path);
    if (!file.ok()) return no(file.status());
    const auto view = file::SafetensorsView::parse(file->bytes(), path);
    if (!view.ok()) return no(view.status());
    return view->metadata().contains(internal::kFormatKey);
  });
}

}  // namespace lanewise
