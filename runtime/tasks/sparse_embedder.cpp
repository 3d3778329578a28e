#include "lanewise/sparse_embedder.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "base/no_throw.hpp"
#include "base/status_macros.hpp"
#include "runtime/tasks/prompts.hpp"
#include "runtime/tasks/task_names.hpp"
#include "runtime/tasks/text_batcher.hpp"

namespace lanewise {
namespace {

using tasks::TextBatcher;

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

/// Which output a model's weights are made of.
std::string_view output_of(const ModelInfo& info) {
  if (info.head.sparse_logarithms == 0) return tasks::kTokenWeights;
  return info.head.sparse_sum ? tasks::kLogits : tasks::kMaxLogits;
}

/// Computes the weights of one text from the rows of its tokens, or from its only row.
class Weighting {
 public:
  explicit Weighting(const ModelInfo& info)
      : info_(info), weights_(static_cast<size_t>(info.vocabulary_size)) {}

  std::vector<TokenWeight> operator()(const Session::Rows& rows, const TextBatcher::Place& place,
                                      std::span<const text::Token> tokens) {
    std::ranges::fill(weights_, 0.0);
    const std::string_view output = output_of(info_);
    if (output == tasks::kMaxLogits) {
      add_logits(rows, place.row);
    } else {
      for (size_t i = 0; i < tokens.size(); ++i) {
        const int64_t row = place.first_token + static_cast<int64_t>(i);
        output == tasks::kLogits ? add_logits(rows, row) : add_token(rows, row, tokens[i].id);
      }
    }
    return positive(weights_);
  }

 private:
  /// The logarithm grows with x, so that of the largest logit is the largest logarithm.
  void add_logits(const Session::Rows& rows, int64_t index) {
    const float* row = rows.data + index * rows.stride;
    const size_t features = std::min(weights_.size(), static_cast<size_t>(rows.features));
    for (size_t id = 0; id < features; ++id) {
      if (row[id] > 0) weights_[id] += damped(row[id], info_.head.sparse_logarithms);
    }
  }

  void add_token(const Session::Rows& rows, int64_t index, int32_t id) {
    const std::vector<int32_t>& without = info_.head.unweighted_ids;
    if (std::ranges::find(without, id) != without.end()) return;
    double& weight = weights_[static_cast<size_t>(id)];
    weight = std::max<double>(weight, rows.data[index * rows.stride]);
  }

  const ModelInfo& info_;
  std::vector<double> weights_;  // [vocabulary]
};

Status check_outputs(const ModelInfo& info) {
  const std::string_view output = output_of(info);
  const auto found = std::ranges::find(info.outputs, output, &OutputInfo::name);
  if (info.head.sparse_logarithms == 0 && found == info.outputs.end()) {
    return unsupported("the model, " + info.family + " for " + info.task +
                       ", has no sparse embeddings");
  }
  const bool of_texts = output == tasks::kMaxLogits;
  return tasks::check_output(info, output,
                             of_texts ? tasks::RowsOf::kTexts : tasks::RowsOf::kTokens);
}

}  // namespace

class SparseEmbedder::Impl {
 public:
  explicit Impl(TextBatcher batcher) : batcher_(std::move(batcher)) {}

  Status set_prompt(std::string_view name) { return prompt_.choose(info(), name); }

  Result<std::vector<SparseEmbedding>> embed(std::span<const std::string_view> texts,
                                             const RunOptions& options,
                                             const TextBatcher::Progress& progress) {
    LW_RETURN_IF_ERROR(batcher_.start(texts.size()));
    for (const std::string_view text : texts) {
      LW_RETURN_IF_ERROR(batcher_.add(prompt_.before(text), options));
    }
    std::vector<SparseEmbedding> results(texts.size());
    Weighting weighting(info());
    const auto read = [&](const TextBatcher::Place& place) -> Status {
      LW_ASSIGN_OR_RETURN(const Session::Rows rows, batcher_.output(output_of(info())));
      SparseEmbedding& result = results[place.sequence];
      result.weights = weighting(rows, place, batcher_.tokens(place.sequence));
      result.tokens = batcher_.lengths()[place.sequence];
      result.truncated = batcher_.truncated(place.sequence);
      return {};
    };
    LW_RETURN_IF_ERROR(batcher_.run(options, read, progress));
    return results;
  }

 private:
  const ModelInfo& info() const noexcept { return batcher_.model().info(); }

  TextBatcher batcher_;
  tasks::PromptChoice prompt_;
};

Result<SparseEmbedder> SparseEmbedder::create(const Model& model, const SessionOptions& options) {
  return base::no_throw([&]() -> Result<SparseEmbedder> {
    LW_RETURN_IF_ERROR(check_outputs(model.info()));
    LW_ASSIGN_OR_RETURN(
        TextBatcher batcher,
        TextBatcher::create(model, options, {std::string(output_of(model.info()))}));
    auto impl = std::make_unique<Impl>(std::move(batcher));
    LW_RETURN_IF_ERROR(impl->set_prompt(model.info().default_prompt));
    return SparseEmbedder(std::move(impl));
  });
}

SparseEmbedder::SparseEmbedder(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SparseEmbedder::SparseEmbedder(SparseEmbedder&&) noexcept = default;
SparseEmbedder& SparseEmbedder::operator=(SparseEmbedder&&) noexcept = default;
SparseEmbedder::~SparseEmbedder() = default;

Status SparseEmbedder::set_prompt(std::string_view name) {
  return base::no_throw([&] { return impl_->set_prompt(name); });
}

Result<std::vector<SparseEmbedding>> SparseEmbedder::embed(
    std::span<const std::string_view> texts, const RunOptions& options,
    const std::function<void(int64_t done)>& progress) {
  return base::no_throw([&] { return impl_->embed(texts, options, progress); });
}

}  // namespace lanewise
