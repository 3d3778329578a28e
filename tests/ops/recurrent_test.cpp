// gru, lstm, cached_gru and cached_lstm against one reference.

#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "ops/recurrent/cached_gru.hpp"
#include "ops/recurrent/cached_lstm.hpp"
#include "ops/recurrent/gru.hpp"
#include "ops/recurrent/lstm.hpp"
#include "ops/recurrent/recurrent_kernels.hpp"
#include "tests/ops/op_test.hpp"

namespace lanewise::ops {
namespace {

using test::Matrix;
using test::Sequences;

// As documented, relative to max(1, |y|).
constexpr double kRecurrentTolerance = 3e-6;

struct Cell {
  bool lstm = false;

  int64_t gates() const { return lstm ? 4 : 3; }
  int64_t states() const { return lstm ? 2 : 1; }
};

double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }

/// A layer with seeded weights.
class RecurrentLayer {
 public:
  RecurrentLayer(Cell cell, int64_t dim, bool has_bias)
      : cell_(cell), dim_(dim), weight_(test::Random(3).floats(size(cell.gates() * dim * dim))) {
    for (float& w : weight_) w /= std::sqrt(static_cast<float>(dim));
    if (has_bias) bias_ = test::Random(4).floats(size(cell.gates() * dim), 0.5f);
    const int64_t panels = (cell.gates() * dim + 15) / 16;
    packed_.resize(size(panels * dim * 16));
    for (int64_t n = 0; n < cell.gates() * dim; ++n) {
      for (int64_t k = 0; k < dim; ++k) {
        packed_[size((n / 16 * dim + k) * 16 + n % 16)] = weight_[size(n * dim + k)];
      }
    }
  }

  OperatorConfig config(Isa isa, bool cached, bool has_initial) const {
    OperatorConfig config{.isa = isa,
                          .inputs = {{DataType::kF32, cell_.gates() * dim_}},
                          .output = {DataType::kF32, cell_.states() * dim_}};
    if (has_initial) config.inputs.push_back(config.output);
    if (cached) config.inputs.push_back(config.output);
    const int64_t panels = (cell_.gates() * dim_ + 15) / 16;
    config.weights["weight"] = {DataType::kF32, packed_.data(), {panels, dim_, 16}};
    if (!bias_.empty()) {
      config.weights["bias"] = {DataType::kF32, bias_.data(), {cell_.gates() * dim_}};
    }
    return config;
  }

  OperatorPtr make(Isa isa, bool has_initial, bool reverse) const {
    OperatorConfig c = config(isa, false, has_initial);
    if (reverse) c.attributes.set("reverse", true);
    return test::expect_made(cell_.lstm ? make_lstm(c) : make_gru(c));
  }

  OperatorPtr make_cached(Isa isa, bool has_initial) const {
    const OperatorConfig c = config(isa, true, has_initial);
    return test::expect_made(cell_.lstm ? make_cached_lstm(c) : make_cached_gru(c));
  }

  /// The states of all tokens, in row order. `initial` may be null.
  std::vector<double> reference(const Matrix<float>& x, const Sequences& sequences,
                                const Matrix<float>* initial, bool reverse) const {
    const int64_t width = cell_.states() * dim_;
    std::vector<double> y(size(x.rows() * width));
    for (int64_t s = 0; s < sequences.count(); ++s) {
      std::vector<double> state(size(width));
      for (int64_t i = 0; i < width && initial != nullptr; ++i) state[size(i)] = initial->at(s, i);
      for (int64_t t = sequences.begin(s); t < sequences.end(s); ++t) {
        const int64_t token = reverse ? sequences.begin(s) + sequences.end(s) - 1 - t : t;
        advance(x.row(token), state);
        std::copy(state.begin(), state.end(), y.begin() + token * width);
      }
    }
    return y;
  }

 private:
  static size_t size(int64_t n) { return static_cast<size_t>(n); }

  double product(const std::vector<double>& state, int64_t row) const {
    double sum = bias_.empty() ? 0.0 : bias_[size(row)];
    for (int64_t k = 0; k < dim_; ++k) {
      sum += state[size(k)] * static_cast<double>(weight_[size(row * dim_ + k)]);
    }
    return sum;
  }

  void advance(const float* x, std::vector<double>& state) const {
    const std::vector<double> before = state;
    for (int64_t i = 0; i < dim_; ++i) {
      double own[4];
      for (int64_t g = 0; g < cell_.gates(); ++g) own[g] = product(before, g * dim_ + i);
      const auto in = [&](int64_t gate) { return static_cast<double>(x[gate * dim_ + i]); };
      if (cell_.lstm) {
        double& c = state[size(dim_ + i)];
        c = sigmoid(in(1) + own[1]) * c + sigmoid(in(0) + own[0]) * std::tanh(in(2) + own[2]);
        state[size(i)] = sigmoid(in(3) + own[3]) * std::tanh(c);
      } else {
        const double z = sigmoid(in(1) + own[1]);
        const double n = std::tanh(in(2) + sigmoid(in(0) + own[0]) * own[2]);
        state[size(i)] = (1.0 - z) * n + z * before[size(i)];
      }
    }
  }

  Cell cell_;
  int64_t dim_;
  std::vector<float> weight_;  // [gates * dim, dim]
  std::vector<float> bias_;    // [gates * dim] or empty
  std::vector<float> packed_;
};

constexpr Cell kCells[] = {{.lstm = false}, {.lstm = true}};

using RecurrentTest = test::IsaTest;

TEST_P(RecurrentTest, AgreesWithTheReferenceForEverySizeAndAlignment) {
  const Sequences sequences{3, 0, 1, 6};
  const RaggedRows ragged = sequences.rows();
  std::vector<int64_t> dims = test::sizes();
  dims.push_back(test::small_sizes() ? 36 : 100);
  for (const Cell cell : kCells) {
    for (const int64_t dim : dims) {
      if (dim == 0) continue;
      const bool has_initial = dim % 2 == 0;
      const bool reverse = dim % 3 == 1;
      const size_t shift = static_cast<size_t>(dim) % 16;
      const RecurrentLayer layer(cell, dim, dim % 5 != 0);
      Matrix<float> x =
          test::random_matrix(sequences.total(), cell.gates() * dim, 1, 2.0f, shift, dim % 3);
      Matrix<float> initial = test::random_matrix(4, cell.states() * dim, 2, 1.0f, shift, 1);
      std::vector<Operand> inputs = {x.operand(&ragged)};
      if (has_initial) inputs.push_back(initial.operand());
      const OperatorPtr op = layer.make(isa(), has_initial, reverse);
      ASSERT_NE(op, nullptr);
      const Matrix<float> y = test::run_every_way(
          *op, inputs, Matrix<float>(x.rows(), cell.states() * dim, (shift + 7) % 16, 2), &ragged);
      ASSERT_TRUE(test::close_to(
          y, layer.reference(x, sequences, has_initial ? &initial : nullptr, reverse),
          kRecurrentTolerance))
          << (cell.lstm ? "lstm " : "gru ") << dim;
    }
  }
}

TEST_P(RecurrentTest, LongSequencesKeepTheBound) {
  const Sequences sequences{60};
  const RaggedRows ragged = sequences.rows();
  for (const Cell cell : kCells) {
    const RecurrentLayer layer(cell, 24, true);
    Matrix<float> x = test::random_matrix(60, cell.gates() * 24, 1, 2.0f);
    const Operand inputs[] = {x.operand(&ragged)};
    const OperatorPtr op = layer.make(isa(), false, false);
    ASSERT_NE(op, nullptr);
    Matrix<float> y(60, cell.states() * 24);
    test::run_operator(*op, {inputs, y.operand(&ragged)});
    EXPECT_TRUE(
        test::close_to(y, layer.reference(x, sequences, nullptr, false), kRecurrentTolerance));
  }
}

TEST_P(RecurrentTest, ASequencesBitsAreItsOwn) {
  // More sequences than are processed together, of unsorted lengths.
  std::vector<int32_t> lengths;
  for (int32_t s = 0; s < 40; ++s) lengths.push_back(1 + s * 7 % 5);
  const Sequences all{std::span<const int32_t>(lengths)};
  const RaggedRows ragged = all.rows();
  constexpr int64_t kDim = 21;
  for (const Cell cell : kCells) {
    const RecurrentLayer layer(cell, kDim, true);
    Matrix<float> x = test::random_matrix(all.total(), cell.gates() * kDim, 5);
    const Operand inputs[] = {x.operand(&ragged)};
    const OperatorPtr op = layer.make(isa(), false, false);
    ASSERT_NE(op, nullptr);
    const Matrix<float> together =
        test::run_every_way(*op, inputs, Matrix<float>(all.total(), cell.states() * kDim), &ragged);
    for (const int64_t s : {0, 17, 39}) {
      const Sequences one{lengths[static_cast<size_t>(s)]};
      const RaggedRows alone = one.rows();
      Operand own = x.operand(&alone);
      own.data = x.row(all.begin(s));
      own.rows = one.total();
      Matrix<float> y(one.total(), cell.states() * kDim);
      test::run_operator(*op, {{&own, 1}, y.operand(&alone)});
      for (int64_t t = 0; t < y.rows(); ++t) {
        EXPECT_EQ(std::memcmp(y.row(t), together.row(all.begin(s) + t),
                              static_cast<size_t>(y.features()) * sizeof(float)),
                  0);
      }
    }
  }
}

TEST_P(RecurrentTest, ManySequencesGoBackwardsToo) {
  std::vector<int32_t> lengths;
  for (int32_t s = 0; s < 70; ++s) lengths.push_back(s * 5 % 4);
  const Sequences all{std::span<const int32_t>(lengths)};
  const RaggedRows ragged = all.rows();
  constexpr int64_t kDim = 5;
  for (const Cell cell : kCells) {
    const RecurrentLayer layer(cell, kDim, true);
    Matrix<float> x = test::random_matrix(all.total(), cell.gates() * kDim, 6);
    const Operand inputs[] = {x.operand(&ragged)};
    const OperatorPtr op = layer.make(isa(), false, true);
    ASSERT_NE(op, nullptr);
    const Matrix<float> y =
        test::run_every_way(*op, inputs, Matrix<float>(all.total(), cell.states() * kDim), &ragged);
    EXPECT_TRUE(test::close_to(y, layer.reference(x, all, nullptr, true), kRecurrentTolerance));
  }
}

/// Processes all tokens in steps of `step` tokens with a cache of scattered rows.
Matrix<float> decode(const RecurrentLayer& layer, Cell cell, Isa isa, Matrix<float>& x,
                     const Sequences& sequences, Matrix<float>* initial, int32_t step) {
  const int64_t width = x.features() / cell.gates() * cell.states();
  Matrix<float> all(x.rows(), width);
  const OperatorPtr op = layer.make_cached(isa, initial != nullptr);
  if (op == nullptr) return all;
  const auto count = static_cast<size_t>(sequences.count());
  Matrix<float> cache(x.rows() + 2, width, 3, 1);
  std::vector<std::vector<int32_t>> rows(count);
  std::vector<const int32_t*> pointers;
  for (size_t s = 0; s < count; ++s) {
    // The last sequence's rows first, each sequence's backwards.
    const auto n = static_cast<int64_t>(s);
    for (int32_t i = sequences.begin(n); i < sequences.end(n); ++i) {
      rows[s].push_back(sequences.total() - 1 - i);
    }
    pointers.push_back(rows[s].data());
  }
  std::vector<int32_t> done(count, 0);
  for (bool more = true; more;) {
    more = false;
    std::vector<int32_t> counts;
    std::vector<int32_t> lengths;
    for (size_t s = 0; s < count; ++s) {
      const auto length = static_cast<int32_t>(rows[s].size());
      counts.push_back(std::min(step, length - done[s]));
      lengths.push_back(done[s] + counts.back());
    }
    const Sequences fresh{std::span<const int32_t>(counts)};
    const RaggedRows ragged = fresh.rows();
    const RowTables tables{pointers.data(), lengths.data(), static_cast<int64_t>(count)};
    Matrix<float> in(fresh.total(), x.features(), 1, 1);
    Matrix<float> out(fresh.total(), width, 2, 1);
    const auto each = [&](const auto& action) {
      for (size_t s = 0; s < count; ++s) {
        for (int32_t i = 0; i < counts[s]; ++i) {
          const auto n = static_cast<int64_t>(s);
          action(fresh.begin(n) + i, sequences.begin(n) + done[s] + i);
        }
      }
    };
    each([&](int64_t to, int64_t from) {
      std::memcpy(in.row(to), x.row(from), static_cast<size_t>(x.features()) * sizeof(float));
    });
    std::vector<Operand> inputs = {in.operand(&ragged)};
    if (initial != nullptr) inputs.push_back(initial->operand());
    inputs.push_back(cache.operand());
    inputs.back().tables = &tables;
    test::run_operator(*op, {inputs, out.operand(&ragged)}, 2, done[0] % 2 == 0);
    EXPECT_TRUE(out.guards_intact());
    each([&](int64_t from, int64_t to) {
      std::memcpy(all.row(to), out.row(from), static_cast<size_t>(width) * sizeof(float));
    });
    for (size_t s = 0; s < count; ++s) {
      done[s] += counts[s];
      more = more || done[s] < static_cast<int32_t>(rows[s].size());
    }
  }
  EXPECT_TRUE(cache.guards_intact());
  return all;
}

TEST_P(RecurrentTest, StepByStepGivesTheSameBits) {
  const Sequences sequences{4, 1, 7};
  const RaggedRows ragged = sequences.rows();
  for (const Cell cell : kCells) {
    for (const bool has_initial : {false, true}) {
      constexpr int64_t kDim = 19;
      const RecurrentLayer layer(cell, kDim, true);
      Matrix<float> x = test::random_matrix(sequences.total(), cell.gates() * kDim, 7, 2.0f);
      Matrix<float> initial = test::random_matrix(3, cell.states() * kDim, 8);
      std::vector<Operand> inputs = {x.operand(&ragged)};
      if (has_initial) inputs.push_back(initial.operand());
      const OperatorPtr op = layer.make(isa(), has_initial, false);
      ASSERT_NE(op, nullptr);
      Matrix<float> whole(x.rows(), cell.states() * kDim);
      test::run_operator(*op, {inputs, whole.operand(&ragged)});
      for (const int32_t step : {1, 2, 7}) {
        const Matrix<float> steps =
            decode(layer, cell, isa(), x, sequences, has_initial ? &initial : nullptr, step);
        EXPECT_EQ(test::checksum(steps), test::checksum(whole)) << step;
      }
    }
  }
}

TEST_P(RecurrentTest, SaturatesAndPassesNaN) {
  const Sequences sequences{2, 2};
  const RaggedRows ragged = sequences.rows();
  for (const Cell cell : kCells) {
    const RecurrentLayer layer(cell, 3, true);
    Matrix<float> x = test::random_matrix(4, cell.gates() * 3, 9);
    for (int64_t i = 0; i < x.features(); ++i) x.at(0, i) = i % 2 == 0 ? 1e30f : -1e30f;
    x.at(2, 1) = std::numeric_limits<float>::quiet_NaN();
    const Operand inputs[] = {x.operand(&ragged)};
    const OperatorPtr op = layer.make(isa(), false, false);
    ASSERT_NE(op, nullptr);
    Matrix<float> y(4, cell.states() * 3);
    test::run_operator(*op, {inputs, y.operand(&ragged)});
    const std::vector<double> expected = layer.reference(x, sequences, nullptr, false);
    EXPECT_TRUE(test::close_to(y, expected, kRecurrentTolerance));
    EXPECT_TRUE(std::isnan(y.at(3, 0)));  // a NaN unit reaches all others one token later
    EXPECT_TRUE(std::isfinite(y.at(1, 0)));
  }
}

TEST_P(RecurrentTest, HasTheSameBitsOnEveryInstructionSet) {
  const Sequences sequences{5, 3};
  const RaggedRows ragged = sequences.rows();
  uint64_t sums[2] = {};
  for (const Cell cell : kCells) {
    const RecurrentLayer layer(cell, 25, true);
    Matrix<float> x = test::random_matrix(8, cell.gates() * 25, 1, 2.0f);
    const Operand inputs[] = {x.operand(&ragged)};
    const OperatorPtr op = layer.make(isa(), false, false);
    ASSERT_NE(op, nullptr);
    Matrix<float> y(8, cell.states() * 25);
    test::run_operator(*op, {inputs, y.operand(&ragged)});
    sums[cell.lstm ? 1 : 0] = test::checksum(y);
    test::expect_checksum(isa(), y, cell.lstm ? 0xc8487e6589a76c8dull : 0x715b495ab754f7f6ull);
  }
  EXPECT_NE(sums[0], sums[1]);
}

TEST_P(RecurrentTest, RefusesWhatDoesNotFit) {
  const RecurrentLayer layer({.lstm = true}, 8, true);
  const OperatorConfig good = layer.config(isa(), false, true);
  ASSERT_TRUE(make_lstm(good).ok());
  const auto refused = [](OperatorConfig config, auto change, std::string_view text) {
    change(config);
    test::expect_error(make_lstm(config), StatusCode::kInvalidArgument, text);
  };
  refused(
      good, [](OperatorConfig& c) { c.inputs[0].features = 24; }, "x: expected 32");
  refused(
      good, [](OperatorConfig& c) { c.inputs[1].features = 8; }, "initial state: expected 16");
  refused(
      good, [](OperatorConfig& c) { c.output.features = 15; }, "output: expected 14");
  refused(
      good, [](OperatorConfig& c) { c.output.features = 1; }, "output: expected 2 to");
  refused(
      good, [](OperatorConfig& c) { c.inputs.push_back(c.output); }, "inputs");
  refused(
      good, [](OperatorConfig& c) { c.weights.erase("weight"); }, "'weight' is missing");
  refused(
      good, [](OperatorConfig& c) { c.weights["bias"].shape = {31}; }, "'bias'");
  refused(
      good, [](OperatorConfig& c) { c.weights["other"] = c.weights["bias"]; }, "other");
  refused(
      good, [](OperatorConfig& c) { c.attributes.set("reverse", int64_t{1}); }, "'reverse'");
  test::expect_error(make_gru(good), StatusCode::kInvalidArgument, "x: expected 48");

  OperatorConfig cached = layer.config(isa(), true, false);
  ASSERT_TRUE(make_cached_lstm(cached).ok());
  cached.attributes.set("reverse", false);
  test::expect_error(make_cached_lstm(cached), StatusCode::kInvalidArgument, "reverse");
  cached = layer.config(isa(), true, false);
  cached.inputs.back().features = 8;
  test::expect_error(make_cached_lstm(cached), StatusCode::kInvalidArgument, "cache: expected 16");
  cached.inputs.pop_back();
  test::expect_error(make_cached_lstm(cached), StatusCode::kInvalidArgument, "inputs");
}

LW_INSTANTIATE_FOR_ISAS(RecurrentTest, RecurrentKernels);

}  // namespace
}  // namespace lanewise::ops
