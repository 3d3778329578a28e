// Token lookup plus positions, on one thread. The vocabulary is BERT's, whose table is larger than
// most caches.

#include <algorithm>
#include <random>

#include "bench/support.hpp"
#include "ops/embedding/embed.hpp"

namespace lanewise::bench {
namespace {

constexpr int64_t kVocab = 30522;
constexpr int64_t kPositions = 512;

/// Kept until another size is requested: filling it takes as long as a whole measurement.
const Floats& token_table(int64_t dim) {
  static Floats table;
  const auto size = static_cast<size_t>(kVocab * dim);
  if (table.size() != size) table = random_floats(size);
  return table;
}

/// Every token once, in random order.
std::vector<int32_t> shuffled_vocabulary() {
  std::vector<int32_t> ids;
  for (int32_t id = 0; id < kVocab; ++id) ids.push_back(id);
  std::shuffle(ids.begin(), ids.end(), std::mt19937(1));
  return ids;
}

Result<ops::OperatorPtr> make(ops::Isa isa, const std::string& position, int64_t dim,
                              const Floats& positions) {
  ops::OperatorConfig config;
  config.isa = isa;
  config.inputs = {{DataType::kI32, 1}};
  config.output = {DataType::kF32, dim};
  config.attributes = {{"position", position}, {"max_positions", kPositions}};
  config.weights["table"] = {DataType::kF32, token_table(dim).data(), {kVocab, dim}};
  if (position == "learned") {
    config.weights["position_table"] = {DataType::kF32, positions.data(), {kPositions, dim}};
  }
  return ops::make_embed(config);
}

struct Problem {
  int64_t rows;  // of one sequence
  int64_t dim;
  bool cold;
};

/// Warm runs use the same tokens every time. Cold runs each take the next ones of the vocabulary,
/// whose rows come from wherever the table fits.
void embed(benchmark::State& state, ops::Isa isa, const std::string& position,
           const Problem& problem) {
  const auto& [rows, dim, cold] = problem;
  const Floats positions = random_floats(static_cast<size_t>(kPositions * dim));
  Result<ops::OperatorPtr> op = make(isa, position, dim, positions);
  if (!op.ok()) return state.SkipWithError(op.status().message().c_str());
  std::vector<int32_t> ids = shuffled_vocabulary();
  const int32_t offsets[] = {0, static_cast<int32_t>(rows)};
  const ops::RaggedRows ragged{offsets, 1};
  Matrix y(rows, dim);
  Fixture fixture(std::move(op).value(), {{ids.data(), rows, 1, 1, &ragged}}, y.operand());
  int64_t first = 0;
  for (auto _ : state) {
    fixture.input(0).data = ids.data() + first;
    fixture.run();
    if (cold) first = first + 2 * rows <= kVocab ? first + rows : 0;
  }
  const int64_t elements = rows * dim;
  // A token, its position and the sum.
  report_elements(state, elements, elements * static_cast<int64_t>(3 * sizeof(float)));
}

void register_all() {
  for (const char* position : {"learned", "sinusoidal"}) {
    for (const ops::Isa isa : available_isas()) {
      for (const int64_t dim : {384, 768}) {
        for (const int64_t rows : {16, 128, 512}) {
          for (const bool cold : {false, true}) {
            const std::string name = "embed/" + std::string(ops::name_of(isa)) + "/" + position +
                                     "/rows:" + std::to_string(rows) +
                                     "/dim:" + std::to_string(dim) + (cold ? "/cold" : "");
            benchmark::RegisterBenchmark(name.c_str(), embed, isa, position,
                                         Problem{rows, dim, cold});
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace lanewise::bench

int main(int argc, char** argv) {
  lanewise::bench::register_all();
  return lanewise::bench::run_suite(argc, argv);
}
