#include "lanewise/embedder.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "base/no_throw.hpp"
#include "base/status_macros.hpp"
#include "runtime/graph/graph.hpp"
#include "runtime/model_data.hpp"
#include "runtime/tasks/prompts.hpp"
#include "runtime/tasks/text_batcher.hpp"

namespace lanewise {
namespace {

using tasks::TextBatcher;

constexpr std::string_view kOutput = "sentence_embedding";

const OutputInfo* find_output(const ModelInfo& info) {
  for (const OutputInfo& output : info.outputs) {
    if (output.name == kOutput && !output.per_token) return &output;
  }
  return nullptr;
}

/// Whether the vectors have length 1.
bool normalizes(const graph::Graph& graph) {
  const graph::ValueId output = graph.outputs.at(std::string(kOutput));
  return std::ranges::any_of(graph.nodes, [&](const graph::Node& node) {
    return node.output == output && node.op == "l2_normalize";
  });
}

/// Whether a text without tokens has a vector, 0: the mean of no vectors.
bool is_mean_of_vectors(const graph::Graph& graph) {
  return std::ranges::all_of(graph.nodes, [](const graph::Node& node) {
    return node.op == "embed" || node.op == "pool" || node.op == "l2_normalize";
  });
}

/// As torch.nn.functional.normalize.
void normalize(std::span<float> vector) {
  constexpr double kEps = 1e-12;
  double squares = 0;
  for (const float value : vector) squares += static_cast<double>(value) * value;
  const double length = std::max(std::sqrt(squares), kEps);
  for (float& value : vector) value = static_cast<float>(value / length);
}

}  // namespace

class Embedder::Impl {
 public:
  Impl(TextBatcher batcher, int64_t features, bool normalizes)
      : batcher_(std::move(batcher)),
        features_(features),
        dimension_(features),
        normalizes_(normalizes) {}

  Result<Embeddings> embed(std::span<const std::string_view> texts, const RunOptions& options,
                           const std::function<void(int64_t)>& progress);
  Status set_prompt(std::string_view name);
  Status set_dimension(int64_t count);
  int64_t dimension() const noexcept { return dimension_; }

 private:
  Status tokenize(std::span<const std::string_view> texts, const RunOptions& options);

  TextBatcher batcher_;
  int64_t features_;   // of the model
  int64_t dimension_;  // the first of them, which are kept
  bool normalizes_;
  tasks::PromptChoice prompt_;
};

Result<Embeddings> Embedder::Impl::embed(std::span<const std::string_view> texts,
                                         const RunOptions& options,
                                         const std::function<void(int64_t)>& progress) {
  LW_RETURN_IF_ERROR(tokenize(texts, options));
  Embeddings result;
  result.count = static_cast<int64_t>(texts.size());
  result.dimension = dimension_;
  result.values.resize(texts.size() * static_cast<size_t>(dimension_));
  result.tokens.assign(batcher_.lengths().begin(), batcher_.lengths().end());
  for (size_t i = 0; i < texts.size(); ++i) result.truncated.push_back(batcher_.truncated(i));
  const auto read = [&](const TextBatcher::Place& place) -> Status {
    LW_ASSIGN_OR_RETURN(const Session::Rows rows, batcher_.output(kOutput));
    const std::span<float> vector = std::span(result.values)
                                        .subspan(place.sequence * static_cast<size_t>(dimension_),
                                                 static_cast<size_t>(dimension_));
    std::copy_n(rows.data + place.row * rows.stride, dimension_, vector.data());
    if (normalizes_ && dimension_ < features_) normalize(vector);
    return {};
  };
  LW_RETURN_IF_ERROR(batcher_.run(options, read, progress));
  return result;
}

Status Embedder::Impl::set_prompt(std::string_view name) {
  return prompt_.choose(batcher_.model().info(), name);
}

Status Embedder::Impl::set_dimension(int64_t count) {
  if (count < 1 || count > features_) {
    return invalid_argument("vectors of " + std::to_string(count) + " numbers: expected 1 to " +
                            std::to_string(features_));
  }
  dimension_ = count;
  return {};
}

Status Embedder::Impl::tokenize(std::span<const std::string_view> texts,
                                const RunOptions& options) {
  if (!prompt_.is_empty() && !batcher_.model().info().pools_prompt) {
    return unsupported(
        "the model excludes the tokens of a prompt from pooling (include_prompt), which is not "
        "supported; embed without a prompt");
  }
  LW_RETURN_IF_ERROR(batcher_.start(texts.size()));
  for (const std::string_view text : texts) {
    LW_RETURN_IF_ERROR(batcher_.add(prompt_.before(text), options));
  }
  return {};
}

Result<Embedder> Embedder::create(const Model& model, const SessionOptions& options) {
  return base::no_throw([&]() -> Result<Embedder> {
    const OutputInfo* output = find_output(model.info());
    if (output == nullptr) {
      return unsupported(
          "the model, " + model.info().family + " for " + model.info().task + ", has no output '" +
          std::string(kOutput) +
          "'; of a checkpoint with a head, convert the encoder alone (--as encoder)");
    }
    LW_ASSIGN_OR_RETURN(TextBatcher batcher,
                        TextBatcher::create(model, options, {std::string(kOutput)}));
    if (is_mean_of_vectors(model.data().graph())) batcher.allow_no_tokens();
    auto impl = std::make_unique<Impl>(std::move(batcher), output->features,
                                       normalizes(model.data().graph()));
    LW_RETURN_IF_ERROR(impl->set_prompt(model.info().default_prompt));
    return Embedder(std::move(impl));
  });
}

Embedder::Embedder(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Embedder::Embedder(Embedder&&) noexcept = default;
Embedder& Embedder::operator=(Embedder&&) noexcept = default;
Embedder::~Embedder() = default;

Result<Embeddings> Embedder::embed(std::span<const std::string_view> texts,
                                   const RunOptions& options,
                                   const std::function<void(int64_t done)>& progress) {
  return base::no_throw([&] { return impl_->embed(texts, options, progress); });
}

Status Embedder::set_prompt(std::string_view name) {
  return base::no_throw([&] { return impl_->set_prompt(name); });
}

Status Embedder::set_dimension(int64_t count) {
  return base::no_throw([&] { return impl_->set_dimension(count); });
}

int64_t Embedder::dimension() const noexcept { return impl_->dimension(); }

}  // namespace lanewise
