#include "lanewise/sparse_embedder.hpp"

#include <string>
#include <utility>

#include "base/no_throw.hpp"
#include "base/status_macros.hpp"
#include "runtime/tasks/prompts.hpp"
#include "runtime/tasks/sparse_weights.hpp"
#include "runtime/tasks/text_batcher.hpp"

namespace lanewise {

using tasks::TextBatcher;

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
    tasks::SparseWeighting weighting(info());
    const auto read = [&](const TextBatcher::Place& place) -> Status {
      LW_ASSIGN_OR_RETURN(const Session::Rows rows, batcher_.output(tasks::sparse_output(info())));
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
    LW_RETURN_IF_ERROR(tasks::check_sparse_output(model.info()));
    LW_ASSIGN_OR_RETURN(
        TextBatcher batcher,
        TextBatcher::create(model, options, {std::string(tasks::sparse_output(model.info()))}));
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
