#include "lanewise/sparse_embedder.hpp"

#include <cmath>
#include <utility>

#include "base/no_throw.hpp"
#include "base/status_macros.hpp"
#include "runtime/tasks/prompts.hpp"
#include "runtime/tasks/task_names.hpp"
#include "runtime/tasks/text_batcher.hpp"

namespace lanewise {
namespace {

using tasks::TextBatcher;

/// log(1 + x), `times` times. The logarithm grows with x, so that of the largest logit is the
/// largest logarithm.
float weight_of(float logit, int32_t times) {
  double weight = logit;
  for (int32_t i = 0; i < times; ++i) weight = std::log1p(weight);
  return static_cast<float>(weight);
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
    const auto read = [&](const TextBatcher::Place& place) -> Status {
      LW_ASSIGN_OR_RETURN(const Session::Rows rows, batcher_.output(tasks::kMaxLogits));
      SparseEmbedding& result = results[place.sequence];
      result.weights = weights_of(rows, place);
      result.tokens = batcher_.lengths()[place.sequence];
      result.truncated = batcher_.truncated(place.sequence);
      return {};
    };
    LW_RETURN_IF_ERROR(batcher_.run(options, read, progress));
    return results;
  }

 private:
  const ModelInfo& info() const noexcept { return batcher_.model().info(); }

  std::vector<TokenWeight> weights_of(const Session::Rows& rows,
                                      const TextBatcher::Place& place) const {
    std::vector<TokenWeight> weights;
    const float* row = rows.data + place.row * rows.stride;
    for (int64_t id = 0; id < rows.features; ++id) {
      if (!(row[id] > 0)) continue;
      weights.push_back(
          {static_cast<int32_t>(id), weight_of(row[id], info().head.sparse_logarithms)});
    }
    return weights;
  }

  TextBatcher batcher_;
  tasks::PromptChoice prompt_;
};

Result<SparseEmbedder> SparseEmbedder::create(const Model& model, const SessionOptions& options) {
  return base::no_throw([&]() -> Result<SparseEmbedder> {
    if (model.info().head.sparse_logarithms == 0) {
      return unsupported("the model, " + model.info().family + " for " + model.info().task +
                         ", has no sparse embeddings");
    }
    LW_RETURN_IF_ERROR(tasks::check_output(model.info(), tasks::kMaxLogits, tasks::RowsOf::kTexts));
    LW_ASSIGN_OR_RETURN(TextBatcher batcher,
                        TextBatcher::create(model, options, {std::string(tasks::kMaxLogits)}));
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
