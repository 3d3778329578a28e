#include "ops/embedding/embed.hpp"

#include <cmath>
#include <limits>

#include "ops/embedding/embed_kernels.hpp"
#include "ops/embedding/sinusoidal.hpp"
#include "tests/ops/op_test.hpp"

namespace lanewise::ops {
namespace {

using test::Matrix;
using test::Sequences;

constexpr double kEmbedTolerance = 2e-7;       // times |scale * table| + |position| + |type|
constexpr double kSinusoidalTolerance = 1e-7;  // of a table's element
constexpr int32_t kVocab = 50;
constexpr int32_t kTypes = 3;
constexpr int32_t kPositions = 40;

/// Position p, feature i of a table, by the definition.
double sinusoid(int64_t p, int64_t i, int64_t dim, SinusoidalLayout layout) {
  const int64_t sines = (dim + 1) / 2;
  const bool interleaved = layout == SinusoidalLayout::kInterleaved;
  const bool is_sine = interleaved ? i % 2 == 0 : i < sines;
  const int64_t pair = interleaved ? i / 2 : i % sines;
  const double angle =
      static_cast<double>(p) *
      std::exp(-std::log(10000.0) * 2.0 * static_cast<double>(pair) / static_cast<double>(dim));
  return is_sine ? std::sin(angle) : std::cos(angle);
}

/// What varies between the tests.
struct EmbedCase {
  int64_t dim = 16;
  double scale = 1.0;
  std::string position = "none";
  int64_t position_offset = 0;
  bool has_type_ids = false;
  bool has_positions = false;
};

class EmbedTest : public test::IsaTest {
 protected:
  OperatorConfig config(const EmbedCase& c) const {
    OperatorConfig result{.isa = isa(),
                          .attributes = {{"scale", c.scale},
                                         {"position", c.position},
                                         {"position_offset", c.position_offset},
                                         {"max_positions", int64_t{20}},
                                         {"has_type_ids", c.has_type_ids},
                                         {"has_positions", c.has_positions}},
                          .inputs = {{DataType::kI32, 1}},
                          .output = {DataType::kF32, c.dim}};
    result.weights["table"] = {DataType::kF32, table_.data(), {kVocab, c.dim}};
    if (c.has_type_ids) {
      result.weights["type_table"] = {DataType::kF32, types_.data(), {kTypes, c.dim}};
      result.inputs.push_back({DataType::kI32, 1});
    }
    if (c.has_positions) result.inputs.push_back({DataType::kI32, 1});
    if (c.position == "learned") {
      result.weights["position_table"] = {DataType::kF32, positions_.data(), {kPositions, c.dim}};
    }
    return result;
  }

  double position_of(const EmbedCase& c, int64_t p, int64_t i) const {
    p += c.position_offset;
    if (c.position == "learned") return positions_[static_cast<size_t>(p * c.dim + i)];
    return c.position == "none" ? 0.0 : sinusoid(p, i, c.dim, SinusoidalLayout::kInterleaved);
  }

  static Matrix<int32_t> ids(int64_t rows, int32_t count, uint64_t seed, size_t misalignment) {
    Matrix<int32_t> result(rows, 1, misalignment, 1);
    test::Random random(seed);
    for (int64_t r = 0; r < rows; ++r) result.at(r, 0) = random.below(count);
    return result;
  }

  /// Runs a case over these sequences and compares it with the definition.
  void check(const EmbedCase& c, const Sequences& sequences, size_t shift) const {
    const int64_t rows = sequences.total();
    Matrix<int32_t> tokens = ids(rows, kVocab, 1, shift);
    Matrix<int32_t> types = ids(rows, kTypes, 2, (shift + 1) % 16);
    Matrix<int32_t> positions = ids(rows, 20, 3, (shift + 2) % 16);
    const RaggedRows ragged = sequences.rows();
    std::vector<Operand> inputs = {tokens.operand(&ragged)};
    if (c.has_type_ids) inputs.push_back(types.operand(&ragged));
    if (c.has_positions) inputs.push_back(positions.operand(&ragged));
    const OperatorPtr op = test::expect_made(make_embed(config(c)));
    ASSERT_NE(op, nullptr);
    const Matrix<float> y =
        test::run_every_way(*op, inputs, Matrix<float>(rows, c.dim, (shift + 9) % 16, 2));
    std::vector<double> expected;
    std::vector<double> bounds;
    for (int64_t s = 0; s < sequences.count(); ++s) {
      for (int64_t r = sequences.begin(s); r < sequences.end(s); ++r) {
        const int64_t p = c.has_positions ? positions.at(r, 0) : r - sequences.begin(s);
        for (int64_t i = 0; i < c.dim; ++i) {
          const double token = c.scale * table_[static_cast<size_t>(tokens.at(r, 0) * c.dim + i)];
          const double position = position_of(c, p, i);
          const double type =
              c.has_type_ids ? types_[static_cast<size_t>(types.at(r, 0) * c.dim + i)] : 0.0f;
          expected.push_back(token + position + type);
          bounds.push_back(
              kEmbedTolerance * (std::abs(token) + std::abs(position) + std::abs(type)) + 1e-12);
        }
      }
    }
    ASSERT_TRUE(test::within(y, expected, bounds))
        << c.position << ", dim " << c.dim << (c.has_type_ids ? ", types" : "")
        << (c.has_positions ? ", positions" : "");
  }

  const std::vector<float> table_ = test::Random(11).floats(kVocab * 400);
  const std::vector<float> types_ = test::Random(12).floats(kTypes * 400);
  const std::vector<float> positions_ = test::Random(13).floats(kPositions * 400);
};

TEST_P(EmbedTest, AgreesWithTheDefinitionForEverySizeAndAlignment) {
  const Sequences sequences{3, 0, 1, 20, 0, 0, 2};
  std::vector<int64_t> dims = test::sizes();
  dims.push_back(384);
  for (const int64_t dim : dims) {
    if (dim == 0) continue;
    for (const std::string position : {"none", "learned", "sinusoidal"}) {
      for (const bool has_type_ids : {false, true}) {
        for (const bool has_positions : {false, true}) {
          if (has_positions && position == "none") continue;
          check({dim, dim % 2 == 0 ? 1.0 : 5.5, position, dim % 5, has_type_ids, has_positions},
                sequences, static_cast<size_t>(dim) % 16);
          ASSERT_FALSE(HasFatalFailure());
        }
      }
    }
  }
}

TEST_P(EmbedTest, CutsManySequences) {
  std::vector<int32_t> lengths;
  test::Random random(2);
  for (int i = 0; i < (test::small_sizes() ? 30 : 300); ++i) lengths.push_back(random.below(20));
  check({.dim = 24, .position = "learned", .has_type_ids = true}, Sequences(lengths), 5);
  check({.dim = 24, .position = "sinusoidal"}, Sequences(lengths), 5);
  check({.dim = 24, .position = "learned"}, Sequences(std::span<const int32_t>{}), 5);
}

TEST_P(EmbedTest, PassesSpecialValuesOn) {
  std::vector<float> table(4, -0.0f);
  table[1] = std::numeric_limits<float>::infinity();
  table[2] = std::numeric_limits<float>::quiet_NaN();
  OperatorConfig special = config({.dim = 4, .scale = 2.0});
  special.weights["table"] = {DataType::kF32, table.data(), {1, 4}};
  const OperatorPtr op = test::expect_made(make_embed(special));
  ASSERT_NE(op, nullptr);
  Matrix<int32_t> tokens(1, 1);
  tokens.at(0, 0) = 0;
  const Operand inputs[] = {tokens.operand()};
  const Matrix<float> y = test::run_every_way(*op, inputs, Matrix<float>(1, 4));
  EXPECT_TRUE(std::signbit(y.at(0, 0)));
  EXPECT_EQ(y.at(0, 1), std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(y.at(0, 2)));
}

TEST_P(EmbedTest, GivesTheSameBitsOnEveryInstructionSet) {
  // Learned positions: a table of sines would depend on the C library.
  const Sequences sequences{7, 3, 1, 20};
  const OperatorPtr op = test::expect_made(
      make_embed(config({.dim = 83, .scale = 7.3, .position = "learned", .has_type_ids = true})));
  ASSERT_NE(op, nullptr);
  Matrix<int32_t> tokens = ids(sequences.total(), kVocab, 4, 0);
  Matrix<int32_t> types = ids(sequences.total(), kTypes, 5, 0);
  const RaggedRows ragged = sequences.rows();
  const Operand inputs[] = {tokens.operand(&ragged), types.operand(&ragged)};
  test::expect_checksum(isa(),
                        test::run_every_way(*op, inputs, Matrix<float>(sequences.total(), 83)),
                        0x604e190746e60dae);
}

TEST_P(EmbedTest, RefusesWeightsThatDoNotFit) {
  const EmbedCase all{.dim = 8, .position = "learned", .has_type_ids = true};
  for (const std::string role : {"table", "type_table", "position_table"}) {
    OperatorConfig missing = config(all);
    missing.weights.erase(role);
    test::expect_error(make_embed(missing), StatusCode::kInvalidArgument, "'" + role + "'");
    OperatorConfig wide = config(all);
    wide.weights[role].shape[1] = 9;
    test::expect_error(make_embed(wide), StatusCode::kInvalidArgument, "'" + role + "'");
    OperatorConfig flat = config(all);
    flat.weights[role].shape = {8};
    test::expect_error(make_embed(flat), StatusCode::kInvalidArgument, "'" + role + "'");
    OperatorConfig empty = config(all);
    empty.weights[role].shape = {0, 8};
    test::expect_error(make_embed(empty), StatusCode::kInvalidArgument, "'" + role + "'");
    OperatorConfig half = config(all);
    half.weights[role].type = DataType::kF16;
    test::expect_error(make_embed(half), StatusCode::kInvalidArgument, "'" + role + "'");
  }
  OperatorConfig short_positions = config(all);
  short_positions.weights["position_table"].shape[0] = 19;
  test::expect_error(make_embed(short_positions), StatusCode::kInvalidArgument, "20 rows");
  OperatorConfig unused = config({.dim = 8});
  unused.weights["position_table"] = unused.weights["table"];
  test::expect_error(make_embed(unused), StatusCode::kInvalidArgument, "'position_table'");
}

TEST_P(EmbedTest, RefusesATableWithoutTheFirstPosition) {
  const auto made = [&](int64_t offset, int64_t max_positions) {
    OperatorConfig c = config({.position = "learned", .position_offset = offset});
    c.attributes.set("max_positions", max_positions);
    return make_embed(c);
  };
  EXPECT_TRUE(made(kPositions - 1, 0).ok());
  test::expect_error(made(kPositions, 0), StatusCode::kInvalidArgument,
                     "'position_table': expected at least 41 rows, found 40");
  EXPECT_TRUE(made(0, kPositions).ok());
  test::expect_error(made(0, kPositions + 1), StatusCode::kInvalidArgument,
                     "'position_table': expected at least 41 rows, found 40");
}

TEST_P(EmbedTest, RefusesAttributesThatMakeNoSense) {
  const std::pair<std::string, Attribute> kWrong[] = {
      {"position", std::string("rotary")},
      {"position_offset", int64_t{-1}},
      {"position_offset", int64_t{1} << 40},
      {"max_positions", int64_t{-1}},
      {"max_positions", int64_t{0}},
      {"max_positions", int64_t{1} << 40},
      {"sinusoidal_layout", std::string("x")},
      {"scale", std::nan("")},
      {"has_type_ids", int64_t{1}},
      {"padding_idx", int64_t{0}},
  };
  for (const auto& [name, value] : kWrong) {
    OperatorConfig wrong = config({.dim = 8, .position = "sinusoidal"});
    wrong.attributes.set(name, value);
    test::expect_error(make_embed(wrong), StatusCode::kInvalidArgument, "'" + name + "'");
  }
  OperatorConfig huge = config({.dim = 8, .position = "sinusoidal"});
  huge.attributes.set("max_positions", int64_t{INT32_MAX});
  test::expect_error(make_embed(huge), StatusCode::kResourceExhausted, "'max_positions'");
  test::expect_error(make_embed(config({.dim = 8, .has_positions = true})),
                     StatusCode::kInvalidArgument, "'has_positions'");
}

TEST_P(EmbedTest, RefusesOperandsThatDoNotFit) {
  OperatorConfig floats = config({.dim = 8});
  floats.inputs[0].type = DataType::kF32;
  test::expect_error(make_embed(floats), StatusCode::kInvalidArgument, "I32");
  OperatorConfig two = config({.dim = 8});
  two.inputs.push_back(two.inputs[0]);
  test::expect_error(make_embed(two), StatusCode::kInvalidArgument, "inputs");
  OperatorConfig integers = config({.dim = 8});
  integers.output.type = DataType::kI32;
  test::expect_error(make_embed(integers), StatusCode::kInvalidArgument, "F32");
  OperatorConfig nothing = config({.dim = 8});
  nothing.output.features = 0;
  test::expect_error(make_embed(nothing), StatusCode::kInvalidArgument, "positive");
}

LW_INSTANTIATE_FOR_ISAS(EmbedTest, EmbedKernels);

TEST(SinusoidalTable, AgreesWithTheDefinition) {
  for (const SinusoidalLayout layout :
       {SinusoidalLayout::kInterleaved, SinusoidalLayout::kHalves}) {
    for (const int64_t dim : {1, 2, 3, 7, 8, 33, 512}) {
      const std::vector<float> table = sinusoidal_table(70, dim, layout);
      ASSERT_EQ(table.size(), static_cast<size_t>(70 * dim));
      for (int64_t p = 0; p < 70; ++p) {
        for (int64_t i = 0; i < dim; ++i) {
          ASSERT_NEAR(table[static_cast<size_t>(p * dim + i)], sinusoid(p, i, dim, layout),
                      kSinusoidalTolerance)
              << "position " << p << ", feature " << i << " of " << dim;
        }
      }
    }
  }
  EXPECT_TRUE(sinusoidal_table(0, 4).empty());
}

TEST_P(EmbedTest, MakesBothLayouts) {
  OperatorConfig halves = config({.dim = 5, .position = "sinusoidal"});
  const std::vector<float> zeros(5);
  halves.weights["table"] = {DataType::kF32, zeros.data(), {1, 5}};
  halves.attributes.set("sinusoidal_layout", std::string("halves"));
  const OperatorPtr op = test::expect_made(make_embed(halves));
  ASSERT_NE(op, nullptr);
  const Sequences sequences{20};
  const RaggedRows ragged = sequences.rows();
  Matrix<int32_t> tokens = ids(20, 1, 1, 0);
  const Operand inputs[] = {tokens.operand(&ragged)};
  const Matrix<float> y = test::run_every_way(*op, inputs, Matrix<float>(20, 5));
  EXPECT_EQ(y.values(), sinusoidal_table(20, 5, SinusoidalLayout::kHalves));
}

}  // namespace
}  // namespace lanewise::ops
