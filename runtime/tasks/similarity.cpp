#include "runtime/tasks/similarity.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace lanewise::tasks {
namespace {

double product_of(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

/// As torch.nn.functional.normalize, which no vector leaves with a length above 1.
double length_of(std::span<const float> a) {
  constexpr double kEps = 1e-12;
  return std::max(std::sqrt(product_of(a, a)), kEps);
}

double distance(std::span<const float> a, std::span<const float> b, bool squares) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double difference = static_cast<double>(a[i]) - b[i];
    sum += squares ? difference * difference : std::abs(difference);
  }
  return squares ? std::sqrt(sum) : sum;
}

}  // namespace

float similarity_of(std::span<const float> a, std::span<const float> b, Similarity similarity) {
  double value = 0;
  switch (similarity) {
    case Similarity::kCosine:
      value = product_of(a, b) / (length_of(a) * length_of(b));
      break;
    case Similarity::kDot:
      value = product_of(a, b);
      break;
    case Similarity::kEuclidean:
      value = -distance(a, b, /*squares=*/true);
      break;
    case Similarity::kManhattan:
      value = -distance(a, b, /*squares=*/false);
      break;
  }
  return static_cast<float>(value);
}

float similarity_of(std::span<const TokenWeight> a, std::span<const TokenWeight> b,
                    Similarity similarity) {
  // The elements that one of them has, side by side.
  std::vector<float> of_a;
  std::vector<float> of_b;
  auto next_a = a.begin();
  auto next_b = b.begin();
  while (next_a != a.end() || next_b != b.end()) {
    const bool takes_a = next_b == b.end() || (next_a != a.end() && next_a->id <= next_b->id);
    const bool takes_b = next_a == a.end() || (next_b != b.end() && next_b->id <= next_a->id);
    of_a.push_back(takes_a ? next_a->weight : 0);
    of_b.push_back(takes_b ? next_b->weight : 0);
    if (takes_a) ++next_a;
    if (takes_b) ++next_b;
  }
  return similarity_of(of_a, of_b, similarity);
}

}  // namespace lanewise::tasks
