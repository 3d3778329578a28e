#include "converters/quantize/comparison.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "base/status_macros.hpp"
#include "lanewise/session.hpp"
#include "runtime/model_data.hpp"

namespace lanewise::converters {
namespace {

std::string compared_output(const graph::Graph& graph) {
  for (const char* name : {"sentence_embedding", "logits"}) {
    if (graph.outputs.contains(name)) return name;
  }
  return graph.outputs.begin()->first;
}

Result<Session::Rows> run(Session& session, const std::string& output, const Sample& sample) {
  const auto length = static_cast<int32_t>(sample.source.size());
  const auto target_length = static_cast<int32_t>(sample.target.size());
  RaggedBatch batch{.ids = sample.source, .type_ids = {}, .lengths = {&length, 1}};
  if (target_length > 0) {
    batch.decoder_ids = sample.target;
    batch.decoder_lengths = {&target_length, 1};
  }
  LW_RETURN_IF_ERROR(session.run_ragged(batch));
  return session.output(output);
}

}  // namespace

void RowComparison::add(const float* y, const float* other, int64_t features) {
  double yy = 0, oo = 0, yo = 0, dd = 0;
  for (int64_t i = 0; i < features; ++i) {
    const double a = y[i];
    const double b = other[i];
    yy += a * a;
    oo += b * b;
    yo += a * b;
    dd += (a - b) * (a - b);
  }
  const double norms = std::sqrt(yy) * std::sqrt(oo);
  // Two zero rows are equal.
  const double cosine = norms > 0 ? yo / norms : dd == 0 ? 1.0 : 0.0;
  const double known = std::isfinite(dd) && std::isfinite(cosine) ? cosine : -1.0;
  ++rows_;
  cosines_ += known;
  worst_ = std::min(worst_, known);
  error_ += std::isfinite(dd) ? dd : std::numeric_limits<double>::infinity();
  // If the f32 result is not finite, the error is already infinite; adding it would give NaN.
  if (std::isfinite(yy)) square_ += yy;
  same_ +=
      std::max_element(y, y + features) - y == std::max_element(other, other + features) - other;
}

Comparison RowComparison::result() const {
  Comparison result;
  if (rows_ == 0) return result;
  const auto rows = static_cast<double>(rows_);
  result.rows = rows_;
  result.mean_cosine = cosines_ / rows;
  result.worst_cosine = worst_;
  result.relative_error = error_ > 0 ? std::sqrt(error_ / square_) : 0.0;
  result.same_token = static_cast<double>(same_) / rows;
  return result;
}

Result<Comparison> compare(const Model& reference, const Model& other,
                           std::span<const Sample> samples, int threads) {
  SessionOptions options{.threads = threads};
  options.outputs = {compared_output(reference.data().graph())};
  const std::string& output = options.outputs.front();
  LW_ASSIGN_OR_RETURN(Session expected, Session::create(reference, options));
  LW_ASSIGN_OR_RETURN(Session found, Session::create(other, options));
  RowComparison rows;
  for (const Sample& sample : samples) {
    LW_ASSIGN_OR_RETURN(const Session::Rows y, run(expected, output, sample));
    LW_ASSIGN_OR_RETURN(const Session::Rows z, run(found, output, sample));
    for (int64_t row = 0; row < y.rows; ++row) {
      rows.add(y.data + row * y.stride, z.data + row * z.stride, y.features);
    }
  }
  Comparison result = rows.result();
  result.output = output;
  if (output != "logits") result.same_token.reset();
  return result;
}

std::string to_text(const Comparison& comparison) {
  char text[200];
  std::snprintf(text, sizeof(text),
                ", %lld rows: cosine to f32 %.5f on average, %.5f at worst; relative error %.4f",
                static_cast<long long>(comparison.rows), comparison.mean_cosine,
                comparison.worst_cosine, comparison.relative_error);
  std::string line = comparison.output + text;
  if (comparison.same_token) {
    std::snprintf(text, sizeof(text), "; the same most likely token in %.2f %%",
                  100.0 * *comparison.same_token);
    line += text;
  }
  return line;
}

}  // namespace lanewise::converters
