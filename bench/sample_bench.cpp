// Choosing tokens on one thread: the work per row of logits in a step of greedy search, beam search
// and sampling.

#include "bench/support.hpp"
#include "ops/sample/sample.hpp"

namespace lanewise::bench {
namespace {

using ops::Sampling;

void report(benchmark::State& state, const Floats& logits) {
  const auto elements = static_cast<int64_t>(logits.size());
  report_elements(state, elements, elements * static_cast<int64_t>(sizeof(float)));
}

std::span<const float> row(const Floats& logits) { return {logits.data(), logits.size()}; }

void log_sum_exp(benchmark::State& state, ops::Isa isa, int64_t vocabulary) {
  const Floats logits = random_floats(static_cast<size_t>(vocabulary));
  const Sampling sampling(isa);
  for (auto _ : state) benchmark::DoNotOptimize(sampling.log_sum_exp(row(logits)));
  report(state, logits);
}

void argmax(benchmark::State& state, ops::Isa isa, int64_t vocabulary) {
  const Floats logits = random_floats(static_cast<size_t>(vocabulary));
  const Sampling sampling(isa);
  for (auto _ : state) benchmark::DoNotOptimize(sampling.argmax(row(logits)));
  report(state, logits);
}

void top_k(benchmark::State& state, ops::Isa isa, int64_t vocabulary, size_t k) {
  const Floats logits = random_floats(static_cast<size_t>(vocabulary));
  const Sampling sampling(isa);
  std::vector<ops::Candidate> best(k);
  for (auto _ : state) benchmark::DoNotOptimize(sampling.top_k(row(logits), best));
  report(state, logits);
}

/// The work per row with four beams.
void beam(benchmark::State& state, ops::Isa isa, int64_t vocabulary) {
  const Floats logits = random_floats(static_cast<size_t>(vocabulary));
  const Sampling sampling(isa);
  std::vector<ops::Candidate> best(8);
  for (auto _ : state) {
    benchmark::DoNotOptimize(sampling.log_sum_exp(row(logits)));
    benchmark::DoNotOptimize(sampling.top_k(row(logits), best));
  }
  report(state, logits);
}

/// A draw from the whole vocabulary.
void draw(benchmark::State& state, ops::Isa isa, int64_t vocabulary) {
  const Floats logits = random_floats(static_cast<size_t>(vocabulary));
  Floats weights(logits.size());
  const Sampling sampling(isa);
  for (auto _ : state) {
    const double sum = sampling.weights(row(logits), 0.8, weights.data());
    benchmark::DoNotOptimize(sampling.draw(row(weights), 0.5 * sum));
  }
  report(state, logits);
}

void register_all() {
  for (const ops::Isa isa : available_isas()) {
    for (const int64_t vocabulary : {32000, 50257}) {
      const std::string place =
          "/" + std::string(ops::name_of(isa)) + "/vocabulary:" + std::to_string(vocabulary);
      const auto add = [&](const std::string& name, auto... arguments) {
        benchmark::RegisterBenchmark((name + place).c_str(), arguments..., isa, vocabulary);
      };
      add("log_sum_exp", log_sum_exp);
      add("argmax", argmax);
      add("beam", beam);
      add("draw", draw);
      for (const size_t k : {8, 64, 256}) {
        const std::string name = "top_k" + place + "/k:" + std::to_string(k);
        benchmark::RegisterBenchmark(name.c_str(), top_k, isa, vocabulary, k);
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
