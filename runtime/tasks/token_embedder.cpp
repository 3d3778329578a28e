#include "lanewise/token_embedder.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <utility>

#include "base/no_throw.hpp"
#include "base/status_macros.hpp"
#include "runtime/tasks/token_vectors.hpp"

namespace lanewise {
namespace {

double largest_product(std::span<const float> vector, const TokenEmbedding& document) {
  double largest = -std::numeric_limits<double>::infinity();
  for (int64_t i = 0; i < document.count; ++i) {
    const std::span<const float> other = document[i];
    const double product = std::inner_product(
        vector.begin(), vector.end(), other.begin(), 0.0, std::plus<>(),
        [](float a, float b) { return static_cast<double>(a) * static_cast<double>(b); });
    if (std::isnan(product)) return product;
    largest = std::max(largest, product);
  }
  return largest;
}

}  // namespace

Result<float> max_similarity(const TokenEmbedding& query, const TokenEmbedding& document) {
  return base::no_throw([&]() -> Result<float> {
    if (query.dimension != document.dimension) {
      return invalid_argument("vectors of " + std::to_string(query.dimension) + " numbers and of " +
                              std::to_string(document.dimension) + " cannot be compared");
    }
    double sum = document.count == 0 ? -std::numeric_limits<double>::infinity() : 0.0;
    for (int64_t i = 0; i < query.count; ++i) sum += largest_product(query[i], document);
    return static_cast<float>(sum);
  });
}

class TokenEmbedder::Impl {
 public:
  explicit Impl(tasks::TokenVectors vectors) : vectors_(std::move(vectors)) {}

  Status set_prompt(std::string_view name) { return vectors_.set_prompt(name); }
  int64_t dimension() const noexcept { return vectors_.dimension(); }

  Result<std::vector<TokenEmbedding>> embed(std::span<const std::string_view> texts,
                                            const RunOptions& options,
                                            const std::function<void(int64_t)>& progress) {
    std::vector<TokenEmbedding> results(texts.size());
    const auto take = [&](size_t text, TokenEmbedding vectors) {
      results[text] = std::move(vectors);
    };
    LW_RETURN_IF_ERROR(vectors_.run(texts, options, progress, take));
    return results;
  }

 private:
  tasks::TokenVectors vectors_;
};

Result<TokenEmbedder> TokenEmbedder::create(const Model& model, const SessionOptions& options) {
  return base::no_throw([&]() -> Result<TokenEmbedder> {
    LW_ASSIGN_OR_RETURN(tasks::TokenVectors vectors, tasks::TokenVectors::create(model, options));
    return TokenEmbedder(std::make_unique<Impl>(std::move(vectors)));
  });
}

TokenEmbedder::TokenEmbedder(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TokenEmbedder::TokenEmbedder(TokenEmbedder&&) noexcept = default;
TokenEmbedder& TokenEmbedder::operator=(TokenEmbedder&&) noexcept = default;
TokenEmbedder::~TokenEmbedder() = default;

Status TokenEmbedder::set_prompt(std::string_view name) {
  return base::no_throw([&] { return impl_->set_prompt(name); });
}

Result<std::vector<TokenEmbedding>> TokenEmbedder::embed(
    std::span<const std::string_view> texts, const RunOptions& options,
    const std::function<void(int64_t done)>& progress) {
  return base::no_throw([&] { return impl_->embed(texts, options, progress); });
}

int64_t TokenEmbedder::dimension() const noexcept { return impl_->dimension(); }

}  // namespace lanewise
