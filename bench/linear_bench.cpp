// Linear layers of the shapes that encoders have, one thread, as a fraction of the FMA peak that
// was measured in the same process.

#include "bench/support.hpp"
#include "ops/linear/linear.hpp"

namespace lanewise::bench {
namespace {

constexpr int64_t kPanel = 16;

void linear(benchmark::State& state, ops::Isa isa, int64_t m, int64_t k, int64_t n) {
  Matrix x(m, k);
  Matrix y(m, n);
  const int64_t panels = (n + kPanel - 1) / kPanel;
  const Floats weight = random_floats(static_cast<size_t>(panels * kPanel * k));
  const Floats bias = random_floats(static_cast<size_t>(n));
  ops::OperatorConfig config;
  config.isa = isa;
  config.inputs = {{DataType::kF32, k}};
  config.output = {DataType::kF32, n};
  config.weights["weight"] = {DataType::kF32, weight.data(), {panels, k, kPanel}};
  config.weights["bias"] = {DataType::kF32, bias.data(), {n}};
  Result<ops::OperatorPtr> op = ops::make_linear(config);
  if (!op.ok()) return state.SkipWithError(op.status().message().c_str());
  Fixture fixture(std::move(op).value(), {x.operand()}, y.operand());
  for (auto _ : state) fixture.run();
  report_flops(state, isa, fixture.flops());
}

void register_all() {
  constexpr int64_t kShapes[][2] = {{384, 384}, {384, 1152}, {384, 1536}, {1536, 384},
                                    {768, 768}, {768, 2304}, {768, 3072}, {3072, 768}};
  for (const ops::Isa isa : available_isas()) {
    for (const int64_t m : {1, 16, 128, 512}) {
      for (const auto& [k, n] : kShapes) {
        const std::string name = "linear/" + std::string(ops::name_of(isa)) +
                                 "/m:" + std::to_string(m) + "/k:" + std::to_string(k) +
                                 "/n:" + std::to_string(n);
        benchmark::RegisterBenchmark(name.c_str(), linear, isa, m, k, n);
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
