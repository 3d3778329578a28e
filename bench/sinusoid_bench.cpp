// Computing the table of sinusoidal positions, which delays opening a model that has one. In double
// precision and the same on every instruction set.

#include "bench/support.hpp"
#include "ops/embedding/sinusoidal.hpp"

namespace lanewise::bench {
namespace {

void sinusoid(benchmark::State& state, int64_t rows, int64_t dim, ops::SinusoidalLayout layout) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(ops::sinusoidal_table(rows, dim, layout).data());
  }
  const int64_t elements = rows * dim;
  report_elements(state, elements, elements * static_cast<int64_t>(sizeof(float)));
}

void register_all() {
  using ops::SinusoidalLayout;
  for (const auto layout : {SinusoidalLayout::kInterleaved, SinusoidalLayout::kHalves}) {
    for (const int64_t rows : {512, 4096}) {
      for (const int64_t dim : {384, 768}) {
        const std::string name = "sinusoid/rows:" + std::to_string(rows) +
                                 "/dim:" + std::to_string(dim) +
                                 (layout == SinusoidalLayout::kHalves ? "/halves" : "/interleaved");
        benchmark::RegisterBenchmark(name.c_str(), sinusoid, rows, dim, layout);
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
