// similarity MODEL TEXT...: how similar texts are, as the cosines of their sentence vectors.

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string_view>
#include <vector>

#include "lanewise/convert.hpp"
#include "lanewise/lanewise.hpp"

namespace {

constexpr int kWrongUsage = 2;

double cosine(std::span<const float> a, std::span<const float> b) {
  double product = 0.0, a_squared = 0.0, b_squared = 0.0;
  for (size_t i = 0; i < a.size(); ++i) {
    product += static_cast<double>(a[i]) * b[i];
    a_squared += static_cast<double>(a[i]) * a[i];
    b_squared += static_cast<double>(b[i]) * b[i];
  }
  const double lengths = std::sqrt(a_squared * b_squared);
  return lengths > 0.0 ? product / lengths : 0.0;
}

/// Lists the texts once and numbers them in the table, so that its columns align in every script,
/// whatever the width of a character.
void print_table(std::span<const std::string_view> texts, const lanewise::Embeddings& embeddings) {
  for (size_t i = 0; i < texts.size(); ++i) {
    std::printf("%3zu  %.*s\n", i + 1, static_cast<int>(texts[i].size()), texts[i].data());
  }
  std::printf("\n   ");
  for (size_t i = 0; i < texts.size(); ++i) std::printf("%7zu", i + 1);
  std::printf("\n");
  for (int64_t row = 0; row < embeddings.count; ++row) {
    std::printf("%3lld", static_cast<long long>(row + 1));
    for (int64_t column = 0; column < embeddings.count; ++column) {
      std::printf("%7.3f", cosine(embeddings[row], embeddings[column]));
    }
    std::printf("\n");
  }
}

/// `path` is a checkpoint as PyTorch saved it, or a model file of `lanewise convert`.
lanewise::Result<lanewise::Embeddings> embed(const char* path,
                                             std::span<const std::string_view> texts) {
  const lanewise::Result<lanewise::Model> model = lanewise::load(path);
  if (!model.ok()) return model.status();
  lanewise::Result<lanewise::Embedder> embedder = lanewise::Embedder::create(*model);
  if (!embedder.ok()) return embedder.status();
  return embedder->embed(texts);
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string_view> arguments(argv, argv + argc);
  if (argc < 3) {
    std::fprintf(stderr, "usage: similarity MODEL TEXT...\n");
    return kWrongUsage;
  }
  const std::span texts = std::span(arguments).subspan(2);
  const lanewise::Result<lanewise::Embeddings> embeddings = embed(argv[1], texts);
  if (!embeddings.ok()) {
    std::fprintf(stderr, "similarity: %s\n", embeddings.status().message().c_str());
    return EXIT_FAILURE;
  }
  print_table(texts, *embeddings);
  return std::fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
