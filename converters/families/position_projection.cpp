#include "converters/families/position_projection.hpp"

#include <cmath>
#include <span>
#include <utility>

#include "base/status_macros.hpp"
#include "converters/formats/elements.hpp"
#include "converters/quantize/dots.hpp"

namespace lanewise::converters {
namespace {

/// The values of a tensor that the graph reads; zeros if it is missing or has another shape.
Result<std::vector<float>> values_of(const Checkpoint& checkpoint, EncoderWriter& writer,
                                     const std::string& name, const Shape& shape) {
  const std::string theirs = writer.tensors().expect(writer.prefix() + name, shape);
  const CheckpointTensor* tensor = checkpoint.find(theirs);
  const bool fits = tensor != nullptr && tensor->shape == shape && tensor->foreign_type.empty() &&
                    is_floating_point(tensor->type);
  LW_ASSIGN_OR_RETURN(const int64_t count, element_count(shape));
  if (!fits) return std::vector<float>();
  LW_ASSIGN_OR_RETURN(const F32Tensor read, read_f32(checkpoint, *tensor));
  return std::vector<float>(read.values.begin(), read.values.begin() + count);
}

/// Checkpoints converted from TensorFlow call weight and bias gamma and beta.
std::string norm_name(const Checkpoint& checkpoint, const EncoderWriter& writer,
                      const std::string& module, const char* name, const char* old_name) {
  const bool old = checkpoint.find(writer.prefix() + module + "." + name) == nullptr &&
                   checkpoint.find(writer.prefix() + module + "." + old_name) != nullptr;
  return module + "." + (old ? old_name : name);
}

void normalize(std::span<float> row, std::span<const float> weight, std::span<const float> bias,
               double eps) {
  double sum = 0;
  for (const float x : row) sum += x;
  const double mean = sum / static_cast<double>(row.size());
  double squares = 0;
  for (const float x : row) squares += (x - mean) * (x - mean);
  const double scale = 1.0 / std::sqrt(squares / static_cast<double>(row.size()) + eps);
  for (size_t i = 0; i < row.size(); ++i) {
    row[i] = static_cast<float>((row[i] - mean) * scale * weight[i] + bias[i]);
  }
}

}  // namespace

Result<PositionEmbeddings> read_position_embeddings(const Checkpoint& checkpoint,
                                                    EncoderWriter& writer, const std::string& name,
                                                    const PositionEmbeddingsSpec& spec) {
  PositionEmbeddings positions{
      .rows = spec.rows, .features = spec.features, .values = nullptr, .checkpoint = &checkpoint};
  LW_ASSIGN_OR_RETURN(
      std::vector<float> table,
      values_of(checkpoint, writer, name + "rel_embeddings.weight", {spec.rows, spec.features}));
  if (spec.norm) {
    const std::string module = name + "LayerNorm";
    LW_ASSIGN_OR_RETURN(
        const std::vector<float> weight,
        values_of(checkpoint, writer, norm_name(checkpoint, writer, module, "weight", "gamma"),
                  {spec.features}));
    LW_ASSIGN_OR_RETURN(
        const std::vector<float> bias,
        values_of(checkpoint, writer, norm_name(checkpoint, writer, module, "bias", "beta"),
                  {spec.features}));
    const auto width = static_cast<size_t>(spec.features);
    const bool complete = weight.size() == width && bias.size() == width;
    for (size_t row = 0; complete && row < table.size(); row += width) {
      normalize(std::span(table).subspan(row, width), weight, bias, spec.eps);
    }
  }
  positions.values = std::make_shared<const std::vector<float>>(std::move(table));
  return positions;
}

Result<std::string> project_positions(EncoderWriter& writer, const PositionEmbeddings& positions,
                                      const std::string& module, bool has_bias) {
  const int64_t features = positions.features;
  std::vector<float> bias(static_cast<size_t>(features));
  if (has_bias) {
    LW_ASSIGN_OR_RETURN(bias,
                        values_of(*positions.checkpoint, writer, module + ".bias", {features}));
  }
  TensorPart part;
  part.shape = {positions.rows, features};
  part.compute = [table = positions.values, bias = std::move(bias)](std::span<const float> weight,
                                                                    std::span<float> projected) {
    const size_t width = bias.size();
    for (size_t i = 0; i < projected.size(); ++i) {
      const float* row = table->data() + i / width * width;
      const size_t out = i % width;
      projected[i] = static_cast<float>(dot(row, weight.data() + out * width, width) + bias[out]);
    }
  };
  return writer.tensors().expect_computed(writer.prefix() + module + ".weight",
                                          {features, features},
                                          writer.prefix() + module + ".positions", std::move(part));
}

}  // namespace lanewise::converters
