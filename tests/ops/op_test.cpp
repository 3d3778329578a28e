#include "tests/ops/op_test.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <new>

namespace lanewise::ops::test {
namespace {

/// The pieces of the work; fails the test if pieces that existed before are gone.
std::vector<Piece> cut(const Operator& op, const Operands& operands, int threads) {
  // A piece of another operator must be kept.
  std::vector<Piece> pieces{{-1, -2, -3, -4}};
  op.cut(operands, threads, pieces);
  EXPECT_EQ(pieces.front().begin, -1) << "cut() must append";
  pieces.erase(pieces.begin());
  return pieces;
}

}  // namespace

bool small_sizes() {
  const char* value = std::getenv("LANEWISE_TEST_SMALL");
  return value != nullptr && std::string_view(value) == "1";
}

std::vector<int64_t> sizes() {
  if (small_sizes()) return {0, 1, 7, 8, 15, 16, 17, 33};
  std::vector<int64_t> all;
  for (int64_t n = 0; n <= 33; ++n) all.push_back(n);
  return all;
}

bool has_fma(Isa isa) {
  static constexpr std::string_view kFlags[] = {
#define LW_ISA(name, parent, flags, ...) flags,
#include "ops/isas.def"
#undef LW_ISA
  };
  const bool here = kFlags[static_cast<size_t>(isa)].find("-mfma") != std::string_view::npos;
  return here || (parent_of(isa) != isa && has_fma(parent_of(isa)));
}

void IsaTest::SetUp() {
  if (!is_available(isa())) GTEST_SKIP() << "this CPU has no " << name_of(isa());
}

std::string isa_test_name(const ::testing::TestParamInfo<Isa>& info) {
  return std::string(name_of(info.param));
}

uint64_t Random::bits() {
  uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

float Random::uniform() {
  const auto integer = static_cast<int32_t>(bits() >> 40) - (1 << 23);
  return static_cast<float>(integer) * 0x1p-23f;
}

int32_t Random::below(int32_t count) {
  return static_cast<int32_t>(bits() % static_cast<uint64_t>(count));
}

std::vector<float> Random::floats(size_t count, float scale) {
  std::vector<float> values(count);
  for (float& value : values) value = scale * uniform();
  return values;
}

Matrix<float> random_matrix(int64_t rows, int64_t features, uint64_t seed, float scale,
                            size_t misalignment, int64_t gap) {
  Matrix<float> matrix(rows, features, misalignment, gap);
  matrix.fill(Random(seed).floats(static_cast<size_t>(rows * features), scale));
  return matrix;
}

Sequences::Sequences(std::initializer_list<int32_t> lengths)
    : Sequences(std::span(lengths.begin(), lengths.size())) {}

Sequences::Sequences(std::span<const int32_t> lengths) : offsets_{0} {
  for (const int32_t length : lengths) offsets_.push_back(offsets_.back() + length);
}

OperatorPtr expect_made(Result<OperatorPtr> made) {
  EXPECT_TRUE(made.ok()) << made.status().message();
  return made.ok() ? std::move(made).value() : nullptr;
}

void expect_error(const Result<OperatorPtr>& made, StatusCode code, std::string_view text) {
  ASSERT_FALSE(made.ok()) << "expected an error about " << text;
  EXPECT_EQ(made.status().code(), code) << made.status().message();
  EXPECT_NE(made.status().message().find(text), std::string::npos)
      << made.status().message() << "\nshould contain " << text;
}

void run_operator(const Operator& op, const Operands& operands, int threads, bool reversed) {
  std::vector<Piece> pieces = cut(op, operands, threads);
  if (reversed) std::reverse(pieces.begin(), pieces.end());
  constexpr std::align_val_t kAlignment{64};
  const size_t bytes = op.scratch_bytes();
  auto* scratch = static_cast<std::byte*>(::operator new(bytes + 64, kAlignment));
  for (const Piece& piece : pieces) {
    std::memset(scratch, 0xff, bytes + 64);
    op.run(operands, piece, scratch);
    for (size_t i = bytes; i < bytes + 64; ++i) {
      EXPECT_EQ(scratch[i], std::byte{0xff}) << "written behind the scratch memory";
    }
  }
  ::operator delete(scratch, kAlignment);
}

Matrix<float> run_every_way(const Operator& op, std::span<const Operand> inputs,
                            const Matrix<float>& output, const RaggedRows* ragged) {
  Matrix<float> first = output;
  run_operator(op, {inputs, first.operand(ragged)});
  EXPECT_TRUE(first.guards_intact());
  for (const int threads : {1, 2, 7}) {
    Matrix<float> again = output;
    run_operator(op, {inputs, again.operand(ragged)}, threads, true);
    EXPECT_TRUE(again.guards_intact());
    EXPECT_EQ(checksum(first), checksum(again)) << "cut for " << threads << " threads, reversed";
  }
  return first;
}

::testing::AssertionResult within(const Matrix<float>& y, std::span<const double> expected,
                                  std::span<const double> bounds) {
  const std::vector<float> values = y.values();
  if (values.size() != expected.size() || bounds.size() != expected.size()) {
    return ::testing::AssertionFailure() << values.size() << " values, " << expected.size()
                                         << " expected, " << bounds.size() << " bounds";
  }
  for (size_t i = 0; i < values.size(); ++i) {
    const double found = values[i];
    const bool agrees =
        std::isfinite(expected[i])
            ? std::abs(found - expected[i]) <= bounds[i]
            : found == expected[i] || (std::isnan(found) && std::isnan(expected[i]));
    if (agrees) continue;
    const auto features = static_cast<size_t>(y.features());
    return ::testing::AssertionFailure()
           << "row " << i / features << ", feature " << i % features << ": expected " << expected[i]
           << ", found " << found << ", differing by " << std::abs(found - expected[i]) << " where "
           << bounds[i] << " is allowed";
  }
  return ::testing::AssertionSuccess();
}

::testing::AssertionResult close_to(const Matrix<float>& y, std::span<const double> expected,
                                    double tolerance) {
  std::vector<double> bounds;
  for (const double value : expected) bounds.push_back(tolerance * std::max(1.0, std::abs(value)));
  return within(y, expected, bounds);
}

uint64_t checksum(const Matrix<float>& y) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const float value : y.values()) {
    uint32_t bits = 0;
    std::memcpy(&bits, &value, sizeof bits);
    for (int byte = 0; byte < 4; ++byte) {
      hash = (hash ^ (bits >> (8 * byte) & 0xffu)) * 0x100000001b3u;
    }
  }
  return hash;
}

void expect_checksum(Isa isa, const Matrix<float>& y, uint64_t expected) {
  if (!has_fma(isa)) return;
  EXPECT_EQ(checksum(y), expected)
      << "the bits differ from those of other instruction sets: 0x" << std::hex << checksum(y);
}

}  // namespace lanewise::ops::test
