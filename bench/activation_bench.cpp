// The elementwise functions on one thread: gelu measures erf, gelu_tanh and tanh measure tanh, silu
// measures exp, each with little else. relu costs as much as the memory accesses.

#include "bench/support.hpp"
#include "ops/activation/activation.hpp"

namespace lanewise::bench {
namespace {

void activation(benchmark::State& state, const char* kind, ops::Isa isa, int64_t rows,
                int64_t dim) {
  ops::OperatorConfig config;
  config.isa = isa;
  config.attributes = {{"kind", std::string(kind)}};
  run_on_rows(state, ops::make_activation, config, rows, dim);
}

void register_all() {
  constexpr int64_t kDim = 1536;
  for (const char* kind : {"relu", "gelu", "gelu_tanh", "silu", "tanh"}) {
    for (const ops::Isa isa : available_isas()) {
      // For the first-level, the second-level and the last-level cache.
      for (const int64_t rows : {1, 16, 512}) {
        const std::string name = "activation/" + std::string(kind) + "/" +
                                 std::string(ops::name_of(isa)) + "/rows:" + std::to_string(rows) +
                                 "/dim:" + std::to_string(kDim);
        benchmark::RegisterBenchmark(name.c_str(), activation, kind, isa, rows, kDim);
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
