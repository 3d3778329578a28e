#include "cli/embed_precision.hpp"

#include <utility>

#include "cli/command.hpp"
#include "cli/tensor_files.hpp"
#include "lanewise/messages.hpp"
#include "lanewise/status_macros.hpp"

namespace lanewise::cli {
namespace {

constexpr const char* kTensor = "ranges";

Result<EmbeddingRanges> read_ranges(const std::string& path, int64_t dimension) {
  LANEWISE_ASSIGN_OR_RETURN(const TensorMap tensors, read_tensors(path));
  const auto found = tensors.find(kTensor);
  const Shape expected = {2, dimension};
  if (found == tensors.end() || tensors.size() != 1) {
    return invalid_argument(in_quotes(path) + ": expected one tensor, 'ranges'");
  }
  const Tensor& ranges = found->second;
  if (ranges.type() != DataType::kF32 || ranges.shape() != expected) {
    return invalid_argument(in_quotes(path) + ": 'ranges': expected " + to_string(expected) +
                            " of F32, found " + to_string(ranges.shape()) + " of " +
                            std::string(name_of(ranges.type())));
  }
  const float* low = ranges.as<float>();
  const float* high = low + dimension;
  return EmbeddingRanges{{low, high}, {high, high + dimension}};
}

}  // namespace

void EmbedPrecision::add_to(CLI::App& command) {
  command
      .add_option("--precision", name_,
                  "Store the numbers of vectors as f32; int8: 256 steps between the --ranges; or "
                  "binary: a bit each, packed as int8")
      ->check(CLI::IsMember({"f32", "int8", "binary"}).description(""))
      ->type_name("f32|int8|binary");
  command
      .add_option("--ranges", ranges_file_,
                  "For int8: a safetensors file with 'ranges' [2, dimension], the lowest and the "
                  "highest value of each number")
      ->type_name("FILE");
}

void EmbedPrecision::check_usage() const {
  if (name_ == "int8" && ranges_file_.empty()) {
    wrong_usage("--precision int8 needs --ranges: what a text becomes must not depend on others");
  }
  if (name_ != "int8" && !ranges_file_.empty()) wrong_usage("--ranges needs --precision int8");
}

Status EmbedPrecision::prepare(int64_t dimension) {
  if (is_f32()) return {};
  if (!is_binary()) {
    LANEWISE_ASSIGN_OR_RETURN(ranges_, read_ranges(ranges_file_, dimension));
  }
  const Embeddings none{
      .count = 0, .dimension = dimension, .values = {}, .tokens = {}, .truncated = {}};
  const Status status = quantize(none).status();
  if (status.ok()) return {};
  return status.with_context(is_binary() ? "--precision binary" : in_quotes(ranges_file_));
}

Result<std::optional<QuantizedEmbeddings>> EmbedPrecision::quantize(
    const Embeddings& embeddings) const {
  using Quantized = std::optional<QuantizedEmbeddings>;
  if (is_f32()) return Quantized();
  Result<QuantizedEmbeddings> made =
      is_binary() ? quantize_binary(embeddings) : quantize_int8(embeddings, ranges_);
  if (!made.ok()) return made.status();
  return Quantized(std::move(*made));
}

}  // namespace lanewise::cli
