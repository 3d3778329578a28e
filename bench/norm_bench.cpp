// Layer norm, with and without a residual, and RMS norm, on one thread.

#include "bench/support.hpp"
#include "ops/norm/layer_norm.hpp"
#include "ops/norm/rms_norm.hpp"

namespace lanewise::bench {
namespace {

struct Norm {
  const char* name;
  MakeOperator make;
  size_t inputs;  // 2: with a residual
  bool has_bias;
};

void norm(benchmark::State& state, const Norm& norm, ops::Isa isa, int64_t rows, int64_t dim) {
  const Floats weight = random_floats(static_cast<size_t>(dim));
  const Floats bias = random_floats(static_cast<size_t>(dim));
  ops::OperatorConfig config;
  config.isa = isa;
  config.weights["weight"] = {DataType::kF32, weight.data(), {dim}};
  if (norm.has_bias) config.weights["bias"] = {DataType::kF32, bias.data(), {dim}};
  run_on_rows(state, norm.make, config, rows, dim, norm.inputs);
}

void register_all() {
  constexpr Norm kNorms[] = {{"layer_norm", ops::make_layer_norm, 1, true},
                             {"layer_norm_residual", ops::make_layer_norm, 2, true},
                             {"rms_norm", ops::make_rms_norm, 1, false}};
  for (const Norm& kind : kNorms) {
    for (const ops::Isa isa : available_isas()) {
      for (const int64_t rows : {1, 16, 128, 512}) {
        for (const int64_t dim : {384, 768}) {
          const std::string name = std::string(kind.name) + "/" + std::string(ops::name_of(isa)) +
                                   "/rows:" + std::to_string(rows) + "/dim:" + std::to_string(dim);
          benchmark::RegisterBenchmark(name.c_str(), norm, kind, isa, rows, dim);
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
