#include "converters/pack/matrix_rows.hpp"

#include <algorithm>
#include <string>

#include "ops/description.hpp"
#include "ops/weights/weight.hpp"

namespace lanewise::converters {

MatrixRows MatrixRows::of(const graph::Node& node, std::string_view role) {
  const ops::OperatorDescription& op = *ops::find_operator(node.op);
  const bool has_several = op.matrices != nullptr && op.use_of(role) == ops::WeightUse::kProduct;
  return MatrixRows(has_several ? std::max<int64_t>(op.matrices(node.attributes), 1) : 1);
}

Status MatrixRows::check(int64_t rows) const {
  if (rows % matrices_ == 0) return {};
  return invalid_argument(std::to_string(rows) + " rows are not " + std::to_string(matrices_) +
                          " matrices of equal size");
}

int64_t MatrixRows::stored(int64_t rows) const {
  constexpr auto kPanel = static_cast<int64_t>(ops::kPanel);
  if (matrices_ == 1) return rows;
  return matrices_ * ops::ceil_div(rows / matrices_, kPanel) * kPanel;
}

Shape MatrixRows::stored(Shape shape) const {
  if (!shape.empty()) shape[0] = stored(shape[0]);
  return shape;
}

std::vector<RowRange> MatrixRows::ranges(int64_t rows, int64_t first, int64_t count) const {
  if (stored(rows) == rows) return {{first, first, count}};
  const int64_t each = rows / matrices_, stored_each = stored(rows) / matrices_;
  std::vector<RowRange> ranges;
  for (int64_t row = first; row < first + count;) {
    const int64_t matrix = row / each;
    const int64_t end = std::min((matrix + 1) * each, first + count);
    ranges.push_back({row, matrix * stored_each + row % each, end - row});
    row = end;
  }
  return ranges;
}

}  // namespace lanewise::converters
