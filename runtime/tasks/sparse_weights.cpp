#include "runtime/tasks/sparse_weights.hpp"

#include <algorithm>
#include <cmath>

#include "runtime/tasks/task_names.hpp"

namespace lanewise::tasks {
namespace {

/// log(1 + x), `times` times.
double damped(double x, int32_t times) {
  for (int32_t i = 0; i < times; ++i) x = std::log1p(x);
  return x;
}

std::vector<TokenWeight> positive(std::span<const double> weights) {
  std::vector<TokenWeight> result;
  for (size_t id = 0; id < weights.size(); ++id) {
    if (!(weights[id] > 0)) continue;
    result.push_back({static_cast<int32_t>(id), static_cast<float>(weights[id])});
  }
  return result;
}

}  // namespace

bool has_sparse_embeddings(const ModelInfo& info) {
  return info.head.sparse_logarithms > 0 || has_output(info, kTokenWeights);
}

std::string_view sparse_output(const ModelInfo& info) {
  if (info.head.sparse_logarithms == 0) return kTokenWeights;
  return info.head.sparse_sum ? kLogits : kMaxLogits;
}

Similarity sparse_similarity(const ModelInfo& info) {
  return info.head.sparse_logarithms > 0 ? info.similarity : Similarity::kDot;
}

Status check_sparse_output(const ModelInfo& info) {
  if (!has_sparse_embeddings(info)) {
    return unsupported("the model, " + info.family + " for " + info.task +
                       ", has no sparse embeddings");
  }
  const std::string_view output = sparse_output(info);
  return check_output(info, output, output == kMaxLogits ? RowsOf::kTexts : RowsOf::kTokens);
}

std::vector<TokenWeight> SparseWeighting::operator()(const Session::Rows& rows,
                                                     const TextBatcher::Place& place,
                                                     std::span<const text::Token> tokens) {
  std::ranges::fill(weights_, 0.0);
  const std::string_view output = sparse_output(info_);
  if (output == kMaxLogits) {
    add_logits(rows, place.row);
    return positive(weights_);
  }
  for (size_t i = 0; i < tokens.size(); ++i) {
    const int64_t row = place.first_token + static_cast<int64_t>(i);
    output == kLogits ? add_logits(rows, row) : add_token(rows, row, tokens[i].id);
  }
  return positive(weights_);
}

/// The logarithm grows with x, so that of the largest logit is the largest logarithm.
void SparseWeighting::add_logits(const Session::Rows& rows, int64_t index) {
  const float* row = rows.data + index * rows.stride;
  const size_t features = std::min(weights_.size(), static_cast<size_t>(rows.features));
  for (size_t id = 0; id < features; ++id) {
    if (row[id] > 0) weights_[id] += damped(row[id], info_.head.sparse_logarithms);
  }
}

void SparseWeighting::add_token(const Session::Rows& rows, int64_t index, int32_t id) {
  const std::vector<int32_t>& without = info_.head.unweighted_ids;
  if (std::ranges::find(without, id) != without.end()) return;
  double& weight = weights_[static_cast<size_t>(id)];
  weight = std::max<double>(weight, rows.data[index * rows.stride]);
}

}  // namespace lanewise::tasks
