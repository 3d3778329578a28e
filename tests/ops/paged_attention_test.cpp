#include "ops/attention/paged_attention.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "ops/attention/append_kv.hpp"
#include "ops/attention/kv_row.hpp"
#include "ops/attention/paged_attention_kernels.hpp"
#include "ops/attention/paged_operands.hpp"
#include "ops/weights/bf16/bf16.hpp"
#include "tests/ops/attention_case.hpp"
#include "tests/ops/op_test.hpp"

namespace lanewise::ops {
namespace {

using test::AttentionCase;
using test::AttentionShapes;
using test::Matrix;

// As documented: relative to the largest value that a query sees.
constexpr double kPagedAttentionTolerance = 3e-6;

/// The pages of each sequence in a cache of two layers, scattered; the other layer is never touched.
class Pages {
 public:
  Pages(const std::vector<int32_t>& lengths, const KvPage& page, uint64_t seed)
      : page_(page), stride_(page.floats() + kOtherLayer), lists_(lengths.size()) {
    size_t count = 0;
    for (const int32_t length : lengths) count += static_cast<size_t>(pages_for(length));
    // What was never written may be anything.
    floats_.assign(count * static_cast<size_t>(stride_) + 16, std::nanf(""));
    std::vector<size_t> order(count);
    std::iota(order.begin(), order.end(), 0);
    test::Random random(seed);
    for (size_t i = count; i-- > 1;) {
      std::swap(order[i], order[static_cast<size_t>(random.below(static_cast<int64_t>(i) + 1))]);
    }
    auto next = order.begin();
    for (size_t s = 0; s < lengths.size(); ++s) {
      for (int64_t i = 0; i < pages_for(lengths[s]); ++i) {
        lists_[s].push_back(aligned() + *next++ * static_cast<size_t>(stride_));
      }
      pointers_.push_back(lists_[s].data());
    }
  }
  Pages(const Pages&) = delete;

  RowTables tables(const std::vector<int32_t>& lengths) {
    lengths_ = lengths;
    return {nullptr, lengths_.data(), static_cast<int64_t>(lengths_.size()), pointers_.data()};
  }
  Operand operand(const RowTables& tables) const {
    return {.features = page_.floats(), .stride = kOtherLayer, .tables = &tables};
  }
  bool other_layer_intact() const {
    for (const auto& list : lists_) {
      for (const float* page : list) {
        for (int64_t i = 0; i < kOtherLayer; ++i) {
          if (!std::isnan(page[i])) return false;
        }
      }
    }
    return true;
  }
  const float* page(size_t sequence, size_t i) const { return lists_[sequence][i] + kOtherLayer; }

 private:
  static constexpr int64_t kOtherLayer = 48;

  float* aligned() {
    const auto address = reinterpret_cast<uintptr_t>(floats_.data());
    return floats_.data() + (64 - address % 64) % 64 / sizeof(float);
  }

  KvPage page_;
  int64_t stride_;
  std::vector<float> floats_;
  std::vector<std::vector<float*>> lists_;
  std::vector<float* const*> pointers_;
  std::vector<int32_t> lengths_;
};

KvPage page_of_case(const AttentionCase& c, KvType type) {
  return {c.s.kv_heads, c.s.head_dim, type};
}

OperatorConfig append_config(const AttentionCase& c, Isa isa, KvType type) {
  OperatorConfig config{.isa = isa};
  config.attributes = {
      {"heads", c.s.heads}, {"kv_heads", c.s.kv_heads}, {"head_dim", c.s.head_dim}};
  config.attributes.set(kCacheType, std::string(name_of(type)));
  for (const auto& input : c.inputs) config.inputs.push_back({DataType::kF32, input.features()});
  config.inputs.push_back({DataType::kF32, page_of_case(c, type).floats()});
  config.output.features = c.s.heads * c.s.head_dim;
  return config;
}

OperatorConfig attend_config(const AttentionCase& c, Isa isa, KvType type) {
  OperatorConfig config = c.config(isa);
  config.attributes.set(kCacheType, std::string(name_of(type)));
  config.inputs = {{DataType::kF32, config.output.features},
                   {DataType::kF32, page_of_case(c, type).floats()}};
  return config;
}

/// Rows [begin[s], end[s]) of each sequence of a matrix, packed.
Matrix<float> rows_of(const Matrix<float>& from, const test::Sequences& sequences,
                      const std::vector<int32_t>& begin, const std::vector<int32_t>& end) {
  int64_t count = 0;
  for (size_t s = 0; s < begin.size(); ++s) count += end[s] - begin[s];
  Matrix<float> to(count, from.features(), 2, 5);
  int64_t next = 0;
  for (size_t s = 0; s < begin.size(); ++s) {
    for (int32_t i = begin[s]; i < end[s]; ++i, ++next) {
      std::memcpy(to.row(next), from.row(sequences.begin(static_cast<int64_t>(s)) + i),
                  static_cast<size_t>(from.features()) * sizeof(float));
    }
  }
  return to;
}

/// Processes a causal case in steps of `step` tokens, and returns all outputs.
Matrix<float> decode(AttentionCase& c, Isa isa, int32_t step, int threads,
                     KvType type = KvType::kF32) {
  Matrix<float> all = c.output();
  const OperatorPtr append = test::expect_made(make_append_kv(append_config(c, isa, type)));
  const OperatorPtr attend = test::expect_made(make_paged_attention(attend_config(c, isa, type)));
  if (append == nullptr || attend == nullptr) return all;
  const std::vector<int32_t>& lengths = c.s.queries;
  Pages pages(lengths, page_of_case(c, type), 5);
  std::vector<int32_t> done(lengths.size(), 0);
  for (int32_t most = step; done != lengths; most += step) {
    std::vector<int32_t> end(lengths.size());
    std::vector<int32_t> counts(lengths.size());
    for (size_t s = 0; s < lengths.size(); ++s) {
      end[s] = std::min(most, lengths[s]);
      counts[s] = end[s] - done[s];
    }
    const test::Sequences fresh{std::span<const int32_t>(counts)};
    const RaggedRows ragged = fresh.rows();
    std::vector<Matrix<float>> inputs;
    std::vector<Operand> operands;
    for (const auto& input : c.inputs) inputs.push_back(rows_of(input, c.queries, done, end));
    for (auto& input : inputs) operands.push_back(input.operand(&ragged));
    const RowTables tables = pages.tables(end);
    operands.push_back(pages.operand(tables));
    Matrix<float> q(fresh.total(), all.features(), 2, 4);
    test::run_operator(*append, {operands, q.operand(&ragged)}, threads, most % 2 == 0);
    EXPECT_TRUE(q.guards_intact());
    Matrix<float> y(fresh.total(), all.features(), 1, 3);
    const std::vector<Operand> reads{q.operand(&ragged), pages.operand(tables)};
    test::run_operator(*attend, {reads, y.operand(&ragged)}, threads, most % 2 == 0);
    EXPECT_TRUE(y.guards_intact());
    int64_t next = 0;
    for (size_t s = 0; s < lengths.size(); ++s) {
      for (int32_t i = done[s]; i < end[s]; ++i, ++next) {
        std::memcpy(all.row(c.queries.begin(static_cast<int64_t>(s)) + i), y.row(next),
                    static_cast<size_t>(y.features()) * sizeof(float));
      }
    }
    done = end;
  }
  EXPECT_TRUE(pages.other_layer_intact());
  return all;
}

AttentionShapes causal(std::vector<int32_t> lengths) {
  AttentionShapes shapes;
  shapes.queries = std::move(lengths);
  shapes.causal = true;
  return shapes;
}

using PagedAttentionTest = test::IsaTest;

TEST_P(PagedAttentionTest, TokenByTokenIsTheFormula) {
  for (const int64_t head_dim : {1, 16, 20, 26, 32, 64, 80, 128}) {
    AttentionShapes shapes = causal({5, 1, 33});
    shapes.head_dim = head_dim;
    AttentionCase c(shapes);
    c.expect_formula(decode(c, isa(), 1, 2), kPagedAttentionTolerance);
  }
}

TEST_P(PagedAttentionTest, SeveralTokensAtOnce) {
  AttentionCase c(causal({1, 7, 20}));
  c.expect_formula(decode(c, isa(), 3, 1), kPagedAttentionTolerance);
}

TEST_P(PagedAttentionTest, AStepsLengthChangesNoBit) {
  AttentionCase c(causal({4, 25}));
  const uint64_t one = test::checksum(decode(c, isa(), 1, 1));
  EXPECT_EQ(one, test::checksum(decode(c, isa(), 4, 2)));
  EXPECT_EQ(one, test::checksum(decode(c, isa(), 25, 3)));
}

TEST_P(PagedAttentionTest, ASequencesBitsAreItsOwn) {
  AttentionCase both(causal({9, 30}));
  const Matrix<float> together = decode(both, isa(), 1, 2);
  AttentionCase alone(causal({9}));
  for (int64_t r = 0; r < 9; ++r) {
    std::memcpy(alone.inputs[0].row(r), both.inputs[0].row(r),
                static_cast<size_t>(both.inputs[0].features()) * sizeof(float));
  }
  const Matrix<float> y = decode(alone, isa(), 1, 1);
  for (int64_t r = 0; r < 9; ++r) {
    EXPECT_EQ(
        std::memcmp(y.row(r), together.row(r), static_cast<size_t>(y.features()) * sizeof(float)),
        0);
  }
}

TEST_P(PagedAttentionTest, GroupedHeadsAndEveryFormOfOperands) {
  for (const int inputs : {1, 2, 3}) {
    AttentionShapes shapes = causal({3, 18});
    shapes.heads = 6;
    shapes.kv_heads = 2;
    shapes.inputs = inputs;
    shapes.keys = shapes.queries;
    AttentionCase c(shapes);
    c.expect_formula(decode(c, isa(), 1, 2), kPagedAttentionTolerance);
  }
}

/// Rows of a tile are tokens and heads of a group; more than fit in a block.
TEST_P(PagedAttentionTest, GroupsOfEverySize) {
  struct Heads {
    int64_t heads;
    int64_t kv_heads;
  };
  for (const auto& [heads, kv_heads] : {Heads{9, 9}, {12, 4}, {12, 1}, {20, 2}, {100, 1}}) {
    SCOPED_TRACE(::testing::Message() << heads << " heads, " << kv_heads << " of keys");
    AttentionShapes shapes = causal({2, 21});
    shapes.heads = heads;
    shapes.kv_heads = kv_heads;
    shapes.head_dim = 20;
    shapes.bias_kind = "relative";
    shapes.bias_shape = {heads, 2 * 9 + 1};
    AttentionCase c(shapes);
    const Matrix<float> y = decode(c, isa(), 1, 2);
    c.expect_formula(y, kPagedAttentionTolerance);
    EXPECT_EQ(test::checksum(y), test::checksum(decode(c, isa(), 7, 3)));
  }
}

TEST_P(PagedAttentionTest, WindowsAndRelativeBias) {
  AttentionShapes shapes = causal({2, 40});
  shapes.window = 7;
  shapes.bias_kind = "relative";
  shapes.bias_shape = {2, 2 * 9 + 1};
  AttentionCase c(shapes);
  c.expect_formula(decode(c, isa(), 1, 1), kPagedAttentionTolerance);
}

TEST_P(PagedAttentionTest, SoftCaps) {
  for (const double cap : {0.3, 2.0, 50.0}) {
    AttentionShapes shapes = causal({2, 40});
    shapes.soft_cap = cap;
    AttentionCase c(shapes);
    c.expect_formula(decode(c, isa(), 1, 1), kPagedAttentionTolerance);
    shapes.bias_kind = "relative";
    shapes.bias_shape = {2, 2 * 9 + 1};
    AttentionCase biased(shapes);
    biased.expect_formula(decode(biased, isa(), 3, 1), kPagedAttentionTolerance);
  }
}

TEST_P(PagedAttentionTest, MoreKeysThanABlock) {
  AttentionShapes shapes = causal({static_cast<int32_t>(kKeyBlock) + 9});
  shapes.heads = shapes.kv_heads = 1;
  AttentionCase c(shapes);
  c.expect_formula(decode(c, isa(), 50, 1), kPagedAttentionTolerance);
}

/// Biases that reach across a block of keys or end within it, with or without a window.
AttentionShapes several_blocks(int64_t reach, int64_t window) {
  AttentionShapes shapes = causal({3, static_cast<int32_t>(kKeyBlock) + 60});
  shapes.head_dim = 40;
  shapes.window = window;
  shapes.bias_kind = "relative";
  shapes.bias_shape = {2, 2 * reach + 1};
  return shapes;
}

TEST_P(PagedAttentionTest, BiasesAndWindowsAcrossSeveralBlocks) {
  for (const int64_t reach : {9, 250}) {
    for (const int64_t window : {0, 100}) {
      SCOPED_TRACE(::testing::Message() << "reach " << reach << ", window " << window);
      AttentionCase c(several_blocks(reach, window));
      c.expect_formula(decode(c, isa(), 97, 2), kPagedAttentionTolerance);
    }
  }
}

/// A query updates its largest score at block boundaries, whatever it sees of the block: the bits
/// would reveal another position.
TEST_P(PagedAttentionTest, AWindowsBitsAreThoseOfItsKeysBlocks) {
  AttentionCase c(several_blocks(250, 100));
  test::expect_checksum(isa(), decode(c, isa(), 97, 1), 0x2bf71d40f610d626);
}

TEST_P(PagedAttentionTest, FiniteFeaturesBesideNanKeepTheirBits) {
  const AttentionShapes shapes = causal({3, static_cast<int32_t>(kKeyBlock) + 40});
  AttentionCase clean(shapes);
  AttentionCase c(shapes);
  c.v(7, 0, 4) = std::numeric_limits<float>::quiet_NaN();
  const Matrix<float> expected = decode(clean, isa(), 50, 1);
  const Matrix<float> y = decode(c, isa(), 50, 1);
  for (int64_t row = 0; row < y.rows(); ++row) {
    for (int64_t i = 0; i < y.features(); ++i) {
      if (row >= 7 && i == 4) {
        EXPECT_TRUE(std::isnan(y.at(row, i))) << row;
      } else {
        ASSERT_EQ(y.at(row, i), expected.at(row, i)) << row << " " << i;
      }
    }
  }
}

TEST_P(PagedAttentionTest, AKeyWithoutWeightAddsNothing) {
  AttentionCase c(causal({6}));
  for (int64_t i = 0; i < c.s.head_dim; ++i) {
    for (int64_t row = 0; row < 6; ++row) {
      c.q(row, 0, i) = 40.0f;
      c.k(row, 0, i) = row == 2 ? -40.0f : 0.0f;  // its score is far below all others
    }
    c.v(2, 0, i) = std::numeric_limits<float>::quiet_NaN();
  }
  const Matrix<float> y = decode(c, isa(), 1, 1);
  for (int64_t i = 0; i < c.s.head_dim; ++i) {
    EXPECT_TRUE(std::isfinite(y.at(5, i))) << i;
    EXPECT_TRUE(std::isfinite(y.at(5, c.s.head_dim + i))) << "the other head, " << i;
  }
}

TEST_P(PagedAttentionTest, NanReachesTheRowsThatWeighIt) {
  AttentionCase c(causal({4}));
  c.v(1, 0, 3) = std::numeric_limits<float>::quiet_NaN();
  const Matrix<float> y = decode(c, isa(), 1, 1);
  EXPECT_TRUE(std::isfinite(y.at(0, 3)));
  for (int64_t row = 1; row < 4; ++row) EXPECT_TRUE(std::isnan(y.at(row, 3))) << row;
  EXPECT_TRUE(std::isfinite(y.at(3, 4)));
}

TEST_P(PagedAttentionTest, GivesTheSameBitsOnEveryInstructionSet) {
  AttentionShapes shapes = causal({3, 30});
  shapes.head_dim = 40;
  AttentionCase c(shapes);
  test::expect_checksum(isa(), decode(c, isa(), 1, 1), 0x84de0745857300fc);
}

/// Every number of rows in a tile and of pages at once: the same sums.
TEST_P(PagedAttentionTest, ATilesShapeChangesNoBit) {
  AttentionShapes shapes = causal({70, static_cast<int32_t>(kKeyBlock) + 30});
  shapes.heads = 3;
  shapes.kv_heads = 1;
  shapes.head_dim = 24;
  AttentionCase c(shapes);
  const uint64_t one = test::checksum(decode(c, isa(), 1, 1));
  for (const int32_t step : {2, 3, 5, 7, 16, 17, 33, 128, 400}) {
    EXPECT_EQ(one, test::checksum(decode(c, isa(), step, 2))) << step;
  }
}

/// Rounds the numbers of a key or value of a head, as the cache does.
template <typename At>
void round_row(KvType type, int64_t head_dim, const At& at) {
  float largest = 0;
  for (int64_t i = 0; i < head_dim; ++i) largest = std::max(largest, std::fabs(at(i)));
  const float scale = largest / 127.0f;
  for (int64_t i = 0; i < head_dim; ++i) {
    float& x = at(i);
    x = type == KvType::kBf16 ? from_bf16(to_bf16(x)) : std::nearbyint(x / scale) * scale;
  }
}

void round_keys_and_values(AttentionCase& c, KvType type) {
  for (int64_t row = 0; row < c.keys.total(); ++row) {
    for (int64_t head = 0; head < c.s.kv_heads; ++head) {
      round_row(type, c.s.head_dim, [&](int64_t i) -> float& { return c.k(row, head, i); });
      round_row(type, c.s.head_dim, [&](int64_t i) -> float& { return c.v(row, head, i); });
    }
  }
}

/// Several blocks of keys, windows that begin within one, and heads whose keys fill no whole vector.
TEST_P(PagedAttentionTest, OtherTypesAreThoseNumbersInF32) {
  for (const KvType type : {KvType::kBf16, KvType::kInt8}) {
    for (const int64_t head_dim : {5, 24, 64}) {
      for (const int64_t window : {0, 50}) {
        SCOPED_TRACE(::testing::Message() << name_of(type) << " head_dim " << head_dim);
        AttentionShapes shapes = causal({3, static_cast<int32_t>(kKeyBlock) + 30});
        shapes.heads = 3;
        shapes.kv_heads = 1;
        shapes.head_dim = head_dim;
        shapes.window = window;
        AttentionCase c(shapes);
        AttentionCase rounded(shapes);
        round_keys_and_values(rounded, type);
        const uint64_t expected = test::checksum(decode(rounded, isa(), 50, 1));
        for (const int32_t step : {1, 7, 100}) {
          EXPECT_EQ(expected, test::checksum(decode(c, isa(), step, 2, type))) << step;
        }
      }
    }
  }
}

TEST_P(PagedAttentionTest, NanInOtherTypesReachesTheRowsThatWeighIt) {
  for (const KvType type : {KvType::kBf16, KvType::kInt8}) {
    AttentionCase c(causal({4}));
    c.v(1, 0, 3) = std::numeric_limits<float>::quiet_NaN();
    const Matrix<float> y = decode(c, isa(), 1, 1, type);
    EXPECT_TRUE(std::isfinite(y.at(0, 3)));
    for (int64_t row = 1; row < 4; ++row) EXPECT_TRUE(std::isnan(y.at(row, 3))) << row;
    EXPECT_TRUE(std::isfinite(y.at(3, c.s.head_dim))) << "the other head";
  }
}

TEST(KvRow, IsRoundedToTheNearestCode) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  int8_t codes[7];
  const float x[] = {254.0f, -254.0f, 2.9f, 3.1f, -1.0f, 0.0f};
  EXPECT_EQ(round_to_int8(x, 6, codes, 1), 2.0f);
  EXPECT_EQ(std::vector<int>(codes, codes + 6), (std::vector<int>{127, -127, 1, 2, 0, 0}));
  for (const float tiny : {0.0f, 1e-45f, -1e-37f}) {
    EXPECT_EQ(round_to_int8(&tiny, 1, codes, 1), 0.0f) << tiny;
    EXPECT_EQ(codes[0], 0);
  }
  for (const float bad : {kNan, std::numeric_limits<float>::infinity()}) {
    const float row[] = {1.0f, bad, 2.0f};
    EXPECT_TRUE(std::isnan(round_to_int8(row, 3, codes, 2))) << bad;
  }
  const float large = 1e38f;
  EXPECT_FLOAT_EQ(round_to_int8(&large, 1, codes, 1) * static_cast<float>(codes[0]), large);
}

TEST_P(PagedAttentionTest, RefusesWhatDoesNotFit) {
  const AttentionCase c(causal({2}));
  const auto refuse = [&](auto change, std::string_view text) {
    OperatorConfig config = attend_config(c, isa(), KvType::kF32);
    change(config);
    test::expect_error(make_paged_attention(config), StatusCode::kInvalidArgument, text);
  };
  refuse([](OperatorConfig& config) { config.inputs.back().features += 1; }, "cache");
  refuse([](OperatorConfig& config) { config.inputs.resize(1); }, "2 inputs");
  refuse([](OperatorConfig& config) { config.attributes.set(kCacheType, std::string("int4")); },
         "'cache_type': expected f32, bf16 or int8, found 'int4'");
  refuse([](OperatorConfig& config) { config.attributes.set("causal", false); }, "causal");
  refuse([](OperatorConfig& config) { config.attributes.set("heads", int64_t{3}); }, "heads");
  refuse([](OperatorConfig& config) { config.attributes.set("append", true); }, "append");
}

LW_INSTANTIATE_FOR_ISAS(PagedAttentionTest, PagedAttentionKernels);

}  // namespace
}  // namespace lanewise::ops
