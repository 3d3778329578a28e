#include "ops/weights/f32/f32.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include "converters/pack/layouts.hpp"
#include "lanewise/tensor.hpp"

namespace lanewise::converters {
namespace {

TEST(PanelsTest, EveryElementIsInItsPlace) {
  for (const int64_t n : {1, 15, 16, 17, 33, 48}) {
    for (const int64_t k : {1, 2, 15, 16, 17, 31, 40}) {
      std::vector<float> w(static_cast<size_t>(n * k));
      std::iota(w.begin(), w.end(), 1.0F);
      const Shape shape{(n + 15) / 16, k, 16};
      std::vector<float> panels(static_cast<size_t>(*element_count(shape)), -1.0F);
      // In three parts, one of them empty, so that panels hold rows of more than one.
      const int64_t cut = n / 3;
      const ops::WeightRows parts[] = {
          {w.data(), cut}, {nullptr, 0}, {w.data() + cut * k, n - cut}};
      ops::pack_panels(parts, k, panels.data());
      for (int64_t at = 0; at < static_cast<int64_t>(panels.size()); ++at) {
        const int64_t row = at / (k * 16) * 16 + at % 16;
        const int64_t column = at / 16 % k;
        const float expected = row < n ? w[static_cast<size_t>(row * k + column)] : 0.0F;
        ASSERT_EQ(panels[static_cast<size_t>(at)], expected) << n << " " << k << " " << at;
      }
    }
  }
}

TEST(PanelsTest, OnlyWeightsOfProductsAreCut) {
  EXPECT_EQ(layout_of("linear", "weight"), Layout::kPanels);
  EXPECT_EQ(layout_of("linear", "bias"), Layout::kRows);
  EXPECT_EQ(layout_of("layer_norm", "weight"), Layout::kRows);
  EXPECT_EQ(layout_of("embed", "table"), Layout::kTable);
  EXPECT_EQ(layout_of("embed", "position_table"), Layout::kRows);
}

}  // namespace
}  // namespace lanewise::converters
