#include "ops/attention/attention.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

namespace lanewise::ops {
namespace {

/// Of the largest value that a query sees; ops/attention/attention.hpp promises it.
constexpr double kTolerance = 3e-6;
constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr uint32_t kCanary = 0x7fbadbadu;  // a NaN that no computation makes

/// Set where instructions are emulated: the same tests on less data.
bool small() { return std::getenv("LANEWISE_TEST_SMALL") != nullptr; }

/// Numbers in [-1, 1), the same ones everywhere.
class Random {
 public:
  explicit Random(uint32_t seed) : state_(seed * 2654435761u + 1u) {}
  float next() {
    state_ = state_ * 1664525u + 1013904223u;
    return static_cast<float>(state_ >> 8) * (2.0f / 16777216.0f) - 1.0f;
  }

 private:
  uint32_t state_;
};

/// A matrix whose rows are not aligned and lie apart; between and around them stand canaries.
/// It ends with its last row, so that the address sanitizer sees one read beyond it.
class Matrix {
 public:
  Matrix(int64_t rows, int64_t features)
      : rows_(rows), features_(features), stride_(features + 3), size_(1 + rows * stride_) {
    if (rows > 0) size_ -= 3;
    data_ = std::make_unique<float[]>(static_cast<size_t>(size_));
    for (int64_t i = 0; i < size_; ++i) std::memcpy(&data_[static_cast<size_t>(i)], &kCanary, 4);
  }
  float& at(int64_t row, int64_t feature) {
    return data_[static_cast<size_t>(1 + row * stride_ + feature)];
  }
  int64_t rows() const { return rows_; }
  int64_t features() const { return features_; }
  Operand operand(const RaggedRows* ragged) {
    return {data_.get() + 1, rows_, features_, stride_, ragged};
  }
  void fill(uint32_t seed, float size) {
    Random random(seed);
    for (int64_t r = 0; r < rows_; ++r) {
      for (int64_t i = 0; i < features_; ++i) at(r, i) = size * random.next();
    }
  }
  bool canaries_live() const {
    for (int64_t i = 0; i < size_; ++i) {
      const int64_t column = i == 0 ? features_ : (i - 1) % stride_;
      if (column < features_) continue;
      if (std::memcmp(&data_[static_cast<size_t>(i)], &kCanary, 4) != 0) return false;
    }
    return true;
  }

 private:
  int64_t rows_, features_, stride_, size_;
  std::unique_ptr<float[]> data_;
};

struct Shapes {
  int64_t heads = 2;
  int64_t kv_heads = 2;
  int64_t head_dim = 20;
  std::vector<int32_t> queries = {};
  std::vector<int32_t> keys = {};  // empty: self-attention of one input
  int inputs = 1;
  bool causal = false;
  int64_t window = 0;
  std::string bias_kind = "none";
  Shape bias_shape = {};
  float size = 1.7f;  // of queries and keys
};

std::vector<int32_t> offsets_of(const std::vector<int32_t>& lengths) {
  std::vector<int32_t> offsets{0};
  for (const int32_t n : lengths) offsets.push_back(offsets.back() + n);
  return offsets;
}

/// The operands of one run, and the formula in double precision.
class Case {
 public:
  explicit Case(const Shapes& shapes, uint32_t seed = 1)
      : s(shapes),
        q_offsets(offsets_of(shapes.queries)),
        k_offsets(offsets_of(shapes.inputs == 1 ? shapes.queries : shapes.keys)),
        q_ragged{q_offsets.data(), static_cast<int64_t>(shapes.queries.size())},
        k_ragged{k_offsets.data(), q_ragged.sequences} {
    const int64_t q_width = s.heads * s.head_dim, k_width = s.kv_heads * s.head_dim;
    if (s.inputs == 1) add_input(q_offsets.back(), q_width + 2 * k_width, seed);
    if (s.inputs >= 2) add_input(q_offsets.back(), q_width, seed);
    if (s.inputs == 2) add_input(k_offsets.back(), 2 * k_width, seed + 100);
    if (s.inputs == 3) {
      add_input(k_offsets.back(), k_width, seed + 100);
      add_input(k_offsets.back(), k_width, seed + 200);
    }
    if (!s.bias_shape.empty()) {
      bias.resize(static_cast<size_t>(element_count(s.bias_shape).value()));
      Random random(seed + 300);
      for (float& b : bias) b = random.next();
    }
  }

  float& q(int64_t row, int64_t head, int64_t i) { return inputs[0].at(row, head * s.head_dim + i); }
  float& k(int64_t row, int64_t head, int64_t i) {
    const int64_t column = head * s.head_dim + i;
    return s.inputs == 1 ? inputs[0].at(row, s.heads * s.head_dim + column)
                         : inputs[1].at(row, column);
  }
  float& v(int64_t row, int64_t head, int64_t i) {
    const int64_t column = head * s.head_dim + i, k_width = s.kv_heads * s.head_dim;
    if (s.inputs == 1) return inputs[0].at(row, s.heads * s.head_dim + k_width + column);
    return s.inputs == 2 ? inputs[1].at(row, k_width + column) : inputs[2].at(row, column);
  }

  OperatorConfig config(Isa isa) const {
    OperatorConfig config;
    config.isa = isa;
    config.attributes = {{"heads", s.heads},   {"kv_heads", s.kv_heads}, {"head_dim", s.head_dim},
                         {"causal", s.causal}, {"window", s.window},     {"bias_kind", s.bias_kind}};
    for (const Matrix& input : inputs) config.inputs.push_back({DataType::kF32, input.features()});
    config.output.features = s.heads * s.head_dim;
    if (!bias.empty()) config.weights["bias"] = {DataType::kF32, bias.data(), s.bias_shape};
    return config;
  }

  /// The output for a cut for so many threads; checks that nothing else was written.
  Matrix run(Isa isa, int threads = 1) {
    Result<OperatorPtr> made = make_attention(config(isa));
    if (!made.ok()) {
      ADD_FAILURE() << made.status().message();
      return Matrix(0, 0);
    }
    const Operator& op = *made.value();
    std::vector<Operand> operands;
    for (size_t i = 0; i < inputs.size(); ++i) {
      operands.push_back(inputs[i].operand(i == 0 ? &q_ragged : &k_ragged));
    }
    Matrix y(q_offsets.back(), s.heads * s.head_dim);
    const Operands run{operands, y.operand(&q_ragged)};
    std::vector<Piece> pieces;
    op.cut(run, threads, pieces);
    const size_t bytes = op.scratch_bytes();
    std::vector<std::byte> scratch(bytes + 128, std::byte{0xff});
    const size_t skip = (64 - reinterpret_cast<uintptr_t>(scratch.data()) % 64) % 64;
    for (const Piece& piece : pieces) op.run(run, piece, scratch.data() + skip);
    EXPECT_TRUE(std::all_of(scratch.begin() + static_cast<std::ptrdiff_t>(skip + bytes),
                            scratch.end(), [](std::byte b) { return b == std::byte{0xff}; }));
    EXPECT_TRUE(y.canaries_live());
    return y;
  }

  bool sees(int64_t position, int64_t j) const {
    if (s.causal && j > position) return false;
    if (s.window > 0 && position - s.window >= j) return false;
    if (s.window > 0 && !s.causal && j >= position + s.window) return false;
    if (s.bias_kind != "dense") return true;
    return position >= 0 && position < s.bias_shape[1] && j < s.bias_shape[2] &&
           bias_at(0, position, j) != -kInf;
  }

  double bias_at(int64_t head, int64_t position, int64_t j) const {
    if (s.bias_kind == "none") return 0;
    int64_t index;
    if (s.bias_kind == "relative") {
      const int64_t reach = s.bias_shape[1] / 2;
      index = head * s.bias_shape[1] + std::clamp(j - position, -reach, reach) + reach;
    } else {
      const int64_t matrix = s.bias_shape[0] == 1 ? 0 : head;
      index = (matrix * s.bias_shape[1] + position) * s.bias_shape[2] + j;
    }
    return bias[static_cast<size_t>(index)];
  }

  /// One query and head by the formula, and the largest |value| that it sees.
  std::vector<double> expected(int64_t sequence, int64_t query, int64_t head, double& largest) {
    const auto at = static_cast<size_t>(sequence);
    const int64_t row = q_offsets[at] + query, first = k_offsets[at];
    const int64_t keys = k_offsets[at + 1] - first, queries = q_offsets[at + 1] - q_offsets[at];
    const int64_t position = s.causal ? query + keys - queries : query;
    const int64_t kv_head = head / (s.heads / s.kv_heads);
    std::vector<double> scores(static_cast<size_t>(keys), -kInf);
    for (int64_t j = 0; j < keys; ++j) {
      if (!sees(position, j)) continue;
      double sum = 0;
      for (int64_t i = 0; i < s.head_dim; ++i) {
        sum += static_cast<double>(q(row, head, i)) * k(first + j, kv_head, i);
      }
      scores[static_cast<size_t>(j)] = sum / std::sqrt(static_cast<double>(s.head_dim)) +
                                       bias_at(head, position, j);
    }
    std::vector<double> y(static_cast<size_t>(s.head_dim), 0.0);
    largest = 0;
    if (keys == 0) return y;
    const double most = *std::max_element(scores.begin(), scores.end());
    double sum = 0;
    for (int64_t j = 0; j < keys; ++j) {
      if (scores[static_cast<size_t>(j)] == -kInf) continue;
      const double weight = std::exp(scores[static_cast<size_t>(j)] - most);
      sum += weight;
      for (int64_t i = 0; i < s.head_dim; ++i) {
        const double value = v(first + j, kv_head, i);
        largest = std::max(largest, std::abs(value));
        y[static_cast<size_t>(i)] += weight * value;
      }
    }
    for (double& value : y) value = sum > 0 ? value / sum : 0.0;
    return y;
  }

  Shapes s;
  std::vector<int32_t> q_offsets, k_offsets;
  RaggedRows q_ragged, k_ragged;
  std::vector<Matrix> inputs;
  std::vector<float> bias;

 private:
  void add_input(int64_t rows, int64_t features, uint32_t seed) {
    inputs.emplace_back(rows, features);
    inputs.back().fill(seed, s.size);
  }
};

/// Every row of the run against the formula.
void expect_formula(Case& c, Matrix& y, const std::string& what) {
  double worst = 0;
  for (int64_t s = 0; s < c.q_ragged.sequences; ++s) {
    const int64_t begin = c.q_offsets[static_cast<size_t>(s)];
    const int64_t end = c.q_offsets[static_cast<size_t>(s) + 1];
    for (int64_t row = begin; row < end; ++row) {
      for (int64_t h = 0; h < c.s.heads; ++h) {
        double largest = 0;
        const std::vector<double> expected = c.expected(s, row - begin, h, largest);
        for (int64_t i = 0; i < c.s.head_dim; ++i) {
          const double found = y.at(row, h * c.s.head_dim + i);
          const double error = std::abs(found - expected[static_cast<size_t>(i)]);
          ASSERT_LE(error, kTolerance * largest)
              << what << ": sequence " << s << ", query " << row - begin << ", head " << h
              << ", feature " << i << ": " << found;
          if (largest > 0) worst = std::max(worst, error / largest);
        }
      }
    }
  }
  testing::Test::RecordProperty(what, std::to_string(worst / kTolerance));
}

bool same_bits(Matrix& a, int64_t a_row, Matrix& b, int64_t b_row) {
  const auto bytes = static_cast<size_t>(a.features()) * sizeof(float);
  return std::memcmp(&a.at(a_row, 0), &b.at(b_row, 0), bytes) == 0;
}

class AttentionTest : public testing::TestWithParam<Isa> {
 protected:
  void SetUp() override {
    if (!is_available(GetParam())) GTEST_SKIP() << "this CPU lacks " << name_of(GetParam());
  }
  void check(const Shapes& shapes, const std::string& what) {
    Case c(shapes);
    Matrix y = c.run(GetParam());
    expect_formula(c, y, what);
  }
  /// Lengths around the sizes of vectors, tiles and blocks.
  static std::vector<int32_t> lengths() {
    if (small()) return {0, 1, 2, 15, 17, 33, 0, 70};
    return {0, 1, 2, 15, 16, 17, 31, 32, 33, 0, 64, 65, 100, 191, 192, 193, 257, 400};
  }
};

TEST_P(AttentionTest, HeadSizes) {
  for (const int64_t head_dim : {1, 3, 20, 26, 32, 64, 80, 128}) {
    Shapes shapes{.head_dim = head_dim, .queries = {5, 0, 1, 40}};
    if (!small()) shapes.queries.push_back(200);
    check(shapes, "head_dim_" + std::to_string(head_dim));
  }
}

TEST_P(AttentionTest, Lengths) { check({.queries = lengths()}, "lengths"); }

TEST_P(AttentionTest, LargeScores) { check({.queries = {33, 100}, .size = 4.0f}, "large"); }

TEST_P(AttentionTest, Causal) {
  check({.queries = lengths(), .causal = true}, "causal");
  check({.kv_heads = 1, .queries = {3, 40, 1, 1, 7, 0}, .keys = {50, 40, 210, 1, 3, 9},
         .inputs = 2, .causal = true}, "after_past");
}

TEST_P(AttentionTest, Window) {
  for (const int64_t window : {1, 2, 16, 40, 1000}) {
    for (const bool causal : {false, true}) {
      check({.heads = 1, .kv_heads = 1, .head_dim = 8, .queries = lengths(), .causal = causal,
             .window = window},
            (causal ? "causal_window_" : "window_") + std::to_string(window));
    }
  }
}

TEST_P(AttentionTest, Cross) {
  Shapes shapes{.queries = {3, 0, 40, 1, 17}, .keys = {50, 7, 0, 200, 16}};
  for (const int inputs : {2, 3}) {
    shapes.inputs = inputs;
    check(shapes, "cross_" + std::to_string(inputs));
  }
}

TEST_P(AttentionTest, GroupedHeads) {
  for (const int64_t kv_heads : {1, 2, 3}) {
    for (const bool causal : {false, true}) {
      check({.heads = 6, .kv_heads = kv_heads, .head_dim = 10, .queries = {1, 4, 35, 70},
             .causal = causal}, "grouped_" + std::to_string(kv_heads));
    }
  }
}

TEST_P(AttentionTest, RelativeBias) {
  for (const int64_t reach : {0, 3, 40, 300}) {
    for (const bool causal : {false, true}) {
      check({.head_dim = 8, .queries = lengths(), .causal = causal, .bias_kind = "relative",
             .bias_shape = {2, 2 * reach + 1}}, "relative_" + std::to_string(reach));
    }
  }
  check({.heads = 4, .kv_heads = 2, .queries = {3, 1, 20}, .keys = {30, 220, 20}, .inputs = 3,
         .causal = true, .bias_kind = "relative", .bias_shape = {4, 21}}, "relative_cross");
}

TEST_P(AttentionTest, DenseBias) {
  Shapes shapes{.head_dim = 8, .queries = {1, 17, 40}, .keys = {3, 230, 39}, .inputs = 3,
                .bias_kind = "dense"};
  for (const Shape& shape : {Shape{2, 40, 230}, Shape{1, 41, 231}, Shape{2, 20, 37}}) {
    shapes.bias_shape = shape;
    check(shapes, "dense_" + to_string(shape));
  }
}

TEST_P(AttentionTest, DenseBiasOfMinusInfinityHides) {
  Case c({.head_dim = 8, .queries = {20}, .bias_kind = "dense", .bias_shape = {1, 20, 20}});
  for (size_t i = 0; i < c.bias.size(); ++i) {
    if (i % 20 > i / 20 || i / 20 == 7) c.bias[i] = -kInf;  // causal, and row 7 sees nothing
  }
  c.v(19, 1, 3) = kNan;
  Matrix y = c.run(GetParam());
  EXPECT_TRUE(std::isnan(y.at(19, 8 + 3)));
  c.v(19, 1, 3) = 0.5f;
  y.at(19, 8 + 3) = c.run(GetParam()).at(19, 8 + 3);
  expect_formula(c, y, "hidden");
  for (int64_t i = 0; i < 16; ++i) EXPECT_EQ(y.at(7, i), 0.0f);
}

TEST_P(AttentionTest, RowsThatSeeNothingAreZero) {
  Case c({.queries = {30, 5}, .keys = {20, 0}, .inputs = 2, .causal = true});
  c.v(0, 0, 0) = kInf;
  c.k(1, 1, 2) = kNan;
  Matrix y = c.run(GetParam());
  for (const int64_t row : {0, 5, 9, 30, 34}) {
    for (int64_t i = 0; i < y.features(); ++i) EXPECT_EQ(y.at(row, i), 0.0f) << row << " " << i;
  }
  EXPECT_EQ(y.at(10, 0), kInf);
}

/// Rows of one run that differ from another's.
std::vector<int64_t> changed_rows(Matrix& a, Matrix& b) {
  std::vector<int64_t> rows;
  for (int64_t r = 0; r < a.rows(); ++r) {
    if (!same_bits(a, r, b, r)) rows.push_back(r);
  }
  return rows;
}

TEST_P(AttentionTest, NanReachesExactlyWhatSeesIt) {
  const Shapes shapes{.queries = {10, 60, 9}, .causal = true, .window = 20};
  Case clean(shapes);
  Matrix y = clean.run(GetParam());
  std::vector<int64_t> after(20);
  std::iota(after.begin(), after.end(), 10 + 25);
  for (const float value : {kNan, kInf}) {
    Case v(shapes);
    v.v(10 + 25, 1, 4) = value;
    Matrix found = v.run(GetParam());
    EXPECT_EQ(changed_rows(found, y), after);
    for (const int64_t r : after) {
      EXPECT_EQ(std::isnan(found.at(r, 20 + 4)), std::isnan(value));
      EXPECT_EQ(found.at(r, 20 + 3), y.at(r, 20 + 3));
    }
  }
  Case k(shapes);
  k.k(10 + 25, 0, 0) = kNan;
  Matrix found = k.run(GetParam());
  EXPECT_EQ(changed_rows(found, y), after);
  for (const int64_t r : after) EXPECT_TRUE(std::isnan(found.at(r, 19)));
  Case q(shapes);
  q.q(10 + 25, 0, 7) = kNan;
  found = q.run(GetParam());
  EXPECT_EQ(changed_rows(found, y), std::vector<int64_t>{10 + 25});
}

TEST_P(AttentionTest, InfiniteScores) {
  Case c({.heads = 1, .kv_heads = 1, .head_dim = 2, .queries = {2}, .keys = {3}, .inputs = 3});
  for (int64_t j = 0; j < 3; ++j) {
    for (int64_t i = 0; i < 2; ++i) {
      c.q(j % 2, 0, i) = 1.0f;
      c.k(j, 0, i) = 1.0f;
    }
  }
  c.k(1, 0, 0) = -kInf;
  c.v(1, 0, 0) = kNan;
  Matrix y = c.run(GetParam());
  EXPECT_NEAR(y.at(0, 0), 0.5f * (c.v(0, 0, 0) + c.v(2, 0, 0)), 1e-6f);
  c.k(1, 0, 0) = kInf;
  y = c.run(GetParam());
  EXPECT_TRUE(std::isnan(y.at(0, 1)));
  for (int64_t j = 0; j < 3; ++j) c.k(j, 0, 0) = -kInf;
  y = c.run(GetParam());
  EXPECT_EQ(y.at(0, 1), 0.0f);
}

TEST_P(AttentionTest, SameBitsInEveryBatchAndCut) {
  Shapes shapes{.heads = 4, .kv_heads = 2, .head_dim = 20, .queries = lengths(), .causal = true,
                .bias_kind = "relative", .bias_shape = {4, 11}};
  for (const bool causal : {true, false}) {
    shapes.causal = causal;
    Case batch(shapes);
    Matrix y = batch.run(GetParam());
    for (const int threads : {2, 3, 16, 500}) {
      Matrix other = batch.run(GetParam(), threads);
      EXPECT_TRUE(changed_rows(other, y).empty()) << threads;
    }
    for (size_t s = 0; s < shapes.queries.size(); ++s) {
      Shapes one = shapes;
      one.queries = {shapes.queries[s]};
      Case alone(one);
      for (int64_t r = 0; r < alone.inputs[0].rows(); ++r) {
        for (int64_t i = 0; i < alone.inputs[0].features(); ++i) {
          alone.inputs[0].at(r, i) = batch.inputs[0].at(batch.q_offsets[s] + r, i);
        }
      }
      Matrix found = alone.run(GetParam(), 2);
      for (int64_t r = 0; r < found.rows(); ++r) {
        EXPECT_TRUE(same_bits(found, r, y, batch.q_offsets[s] + r)) << s << " " << r;
      }
    }
  }
}

TEST_P(AttentionTest, SameBitsOfAQueryWhateverTheOthers) {
  // Query 39 of 40 and the only query, both at position 39 of the same 200 keys.
  Case many({.queries = {40}, .keys = {200}, .inputs = 2});
  Matrix y = many.run(GetParam());
  for (const int64_t row : {0, 17, 39}) {
    Case one({.queries = {1}, .keys = {200}, .inputs = 2});
    for (int64_t i = 0; i < 40; ++i) one.q(0, 0, i) = many.q(row, 0, i);
    Matrix found = one.run(GetParam());
    EXPECT_TRUE(same_bits(found, 0, y, row)) << row;
  }
}

TEST_P(AttentionTest, SameBitsOnEveryIsaWithFma) {
  if (GetParam() == Isa::baseline) GTEST_SKIP() << "baseline has no FMA and rounds products";
  Case c({.heads = 4, .kv_heads = 2, .head_dim = 26, .queries = {1, 40, 70}, .keys = {201, 40, 9},
          .inputs = 3, .causal = true, .bias_kind = "relative", .bias_shape = {4, 11}});
  Matrix y = c.run(GetParam());
  uint64_t hash = 14695981039346656037u;  // FNV-1a over the words
  for (int64_t r = 0; r < y.rows(); ++r) {
    for (int64_t i = 0; i < y.features(); ++i) {
      uint32_t bits;
      std::memcpy(&bits, &y.at(r, i), sizeof(bits));
      hash = (hash ^ bits) * 1099511628211u;
    }
  }
  EXPECT_EQ(hash, 862918716159709895u);
}

TEST_P(AttentionTest, PiecesAreInOrderOfCostAndEnough) {
  Case c({.heads = 12, .kv_heads = 12, .head_dim = 64, .queries = {16, 512, 0, 128}});
  Result<OperatorPtr> made = make_attention(c.config(GetParam()));
  ASSERT_TRUE(made.ok());
  const Operand input = c.inputs[0].operand(&c.q_ragged);
  const Operands operands{{&input, 1}, {}};
  std::vector<Piece> pieces(1);
  made.value()->cut(operands, 4, pieces);
  EXPECT_GE(pieces.size(), 25u);
  EXPECT_LE(pieces.size(), 100u);
  EXPECT_EQ(pieces[1].begin / 12, 1);    // the longest sequence
  EXPECT_EQ(pieces.back().begin / 12, 0);  // the shortest
  const double pairs = 16.0 * 16 + 512.0 * 512 + 128.0 * 128;
  EXPECT_EQ(made.value()->flops(operands), 4.0 * 64 * 12 * pairs);
}

TEST(AttentionChecks, SayWhatIsWrong) {
  const Case good({.heads = 4, .kv_heads = 2, .head_dim = 8, .queries = {3}});
  const auto message = [&](const auto& change) {
    OperatorConfig config = good.config(Isa::baseline);
    change(config);
    const Result<OperatorPtr> made = make_attention(config);
    return made.ok() ? std::string("no error") : std::string(made.status().message());
  };
  const auto with = [&](const char* name, const Attribute& value) {
    return message([&](OperatorConfig& c) { c.attributes.set(name, value); });
  };
  EXPECT_EQ(message([](OperatorConfig&) {}), "no error");
  EXPECT_NE(with("heads", int64_t{0}).find("heads"), std::string::npos);
  EXPECT_NE(with("kv_heads", int64_t{3}).find("divisor"), std::string::npos);
  EXPECT_NE(with("head_dim", int64_t{9}).find("features"), std::string::npos);
  EXPECT_NE(with("window", int64_t{-1}).find("window"), std::string::npos);
  EXPECT_NE(with("scale", double{kInf}).find("scale"), std::string::npos);
  EXPECT_NE(with("bias_kind", std::string("alibi")).find("relative"), std::string::npos);
  EXPECT_NE(with("bias_kind", std::string("dense")).find("missing"), std::string::npos);
  EXPECT_NE(with("rotary", true).find("rotary"), std::string::npos);
  const std::vector<float> bias(4 * 6);
  EXPECT_NE(message([&](OperatorConfig& c) {
              c.attributes.set("bias_kind", std::string("relative"));
              c.weights["bias"] = {DataType::kF32, bias.data(), {4, 6}};
            }).find("2 * R + 1"),
            std::string::npos);
  EXPECT_NE(message([](OperatorConfig& c) { c.inputs.resize(4); }).find("inputs"),
            std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(EveryIsa, AttentionTest,
                         testing::ValuesIn(all_isas().begin(), all_isas().end()),
                         [](const auto& isa) { return std::string(name_of(isa.param)); });

}  // namespace
}  // namespace lanewise::ops
