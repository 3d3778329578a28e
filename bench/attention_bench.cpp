// Fused self-attention, one thread, as a fraction of the FMA peak measured in the same process.

#include "bench/support.hpp"
#include "ops/attention/attention.hpp"
#include "ops/attention/attention_bf16_kernels.hpp"

namespace lanewise::bench {
namespace {

struct Mode {
  const char* name;
  bool causal;
  bool bf16;
};

void attention(benchmark::State& state, ops::Isa isa, int64_t sequences, int64_t length,
               int64_t head_dim, const Mode& mode) {
  constexpr int64_t kHeads = 12;
  const int64_t rows = sequences * length;
  const int64_t features = kHeads * head_dim;
  Matrix qkv(rows, 3 * features);
  Matrix y(rows, features);
  std::vector<int32_t> offsets;
  for (int64_t s = 0; s <= sequences; ++s) offsets.push_back(static_cast<int32_t>(s * length));
  const ops::RaggedRows ragged{offsets.data(), sequences};
  ops::OperatorConfig config;
  config.isa = isa;
  config.inputs = {{DataType::kF32, 3 * features}};
  config.output = {DataType::kF32, features};
  config.attributes = {{"heads", kHeads},
                       {"head_dim", head_dim},
                       {"causal", mode.causal},
                       {"allow_bf16", mode.bf16}};
  Result<ops::OperatorPtr> op = ops::make_attention(config);
  if (!op.ok()) return state.SkipWithError(op.status().message().c_str());
  ops::Operand input = qkv.operand();
  ops::Operand output = y.operand();
  input.ragged = output.ragged = &ragged;
  Fixture fixture(std::move(op).value(), {input}, output);
  for (auto _ : state) fixture.run();
  report_flops(state, isa, fixture.flops());
}

void register_all() {
  constexpr int64_t kBatches[][2] = {{1, 16}, {1, 128}, {1, 512}, {8, 128}};
  constexpr Mode kModes[] = {{"", false, false}, {"/causal", true, false}, {"/bf16", false, true}};
  for (const ops::Isa isa : available_isas()) {
    for (const int64_t head_dim : {32, 64}) {
      for (const auto& [sequences, length] : kBatches) {
        for (const Mode& mode : kModes) {
          if (mode.bf16 && ops::attention_bf16_kernels_for(isa).attend == nullptr) continue;
          const std::string name = "attention/" + std::string(ops::name_of(isa)) +
                                   "/head_dim:" + std::to_string(head_dim) + "/" +
                                   std::to_string(sequences) + "x" + std::to_string(length) +
                                   mode.name;
          benchmark::RegisterBenchmark(name.c_str(), attention, isa, sequences, length, head_dim,
                                       mode);
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
