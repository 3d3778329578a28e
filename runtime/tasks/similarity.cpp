#include "runtime/tasks/similarity.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

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

}  // namespace lanewise::tasks
