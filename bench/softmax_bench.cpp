// Softmax on one thread. An element costs one exp and three passes over a row that is in the first
// cache; no operator is an exp alone.

#include "bench/support.hpp"
#include "ops/softmax/softmax.hpp"

namespace lanewise::bench {
namespace {

void softmax(benchmark::State& state, ops::Isa isa, int64_t rows, int64_t dim) {
  ops::OperatorConfig config;
  config.isa = isa;
  run_on_rows(state, ops::make_softmax, config, rows, dim);
}

void register_all() {
  // Scores of 12 heads for 16 and 128 tokens, one head of 512, and the choice of a token from
  // BERT's vocabulary.
  constexpr int64_t kShapes[][2] = {{192, 16}, {1536, 128}, {512, 512}, {1, 30522}};
  for (const ops::Isa isa : available_isas()) {
    for (const auto& [rows, dim] : kShapes) {
      const std::string name = "softmax/" + std::string(ops::name_of(isa)) +
                               "/rows:" + std::to_string(rows) + "/dim:" + std::to_string(dim);
      benchmark::RegisterBenchmark(name.c_str(), softmax, isa, rows, dim);
    }
  }
}

}  // namespace
}  // namespace lanewise::bench

int main(int argc, char** argv) {
  lanewise::bench::register_all();
  return lanewise::bench::run_suite(argc, argv);
}
