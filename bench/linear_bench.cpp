// Linear layers with the shapes of encoders, on one thread, compared with other libraries: as a
// fraction of the FMA peak and, if the weights come from memory, of the read bandwidth, both
// measured in the same process.

#include <algorithm>
#include <cmath>

#include "bench/baselines/linear_case.hpp"
#include "bench/far_memory.hpp"
#include "bench/support.hpp"
#include "ops/linear/linear.hpp"
#include "ops/weights/blocks/block_weight.hpp"
#include "ops/weights/weight.hpp"

namespace lanewise::bench {
namespace {

constexpr int64_t kPanel = 16;

/// [n, k] to [n / 16, k, 16].
Floats panels_of(const LinearData& data) {
  Floats panels;
  panels.reserve(data.weight.size());
  for (int64_t panel = 0; panel < data.n; panel += kPanel) {
    for (int64_t k = 0; k < data.k; ++k) {
      for (int64_t n = panel; n < panel + kPanel; ++n) {
        panels.push_back(data.weight[static_cast<size_t>(n * data.k + k)]);
      }
    }
  }
  return panels;
}

class LanewiseCase final : public LinearCase {
 public:
  LanewiseCase(const LinearData& data, ops::Isa isa)
      : data_(data), isa_(isa), x_(data.m, data.k), y_(data.m, data.n), panels_(panels_of(data)) {
    for (int64_t r = 0; r < data.m; ++r) {
      std::copy_n(data.x.begin() + r * data.k, data.k, x_.operand().f32(r));
    }
  }

  std::span<const float> weight() const override { return panels_; }

  void bind(std::span<const float* const> weights) override {
    fixtures_.clear();
    for (const float* weight : weights) {
      fixtures_.emplace_back(make(weight), std::vector<ops::Operand>{x_.operand()}, y_.operand());
    }
  }

  void run(size_t i) override { fixtures_[i].run(); }
  const float* y(int64_t r) const override { return y_.operand().f32(r); }
  std::string implementation() const override { return std::string(ops::name_of(isa_)); }

 private:
  ops::OperatorPtr make(const float* weight) const {
    ops::OperatorConfig config;
    config.isa = isa_;
    config.inputs = {{DataType::kF32, data_.k}};
    config.output = {DataType::kF32, data_.n};
    config.weights["weight"] = {DataType::kF32, weight, {data_.n / kPanel, data_.k, kPanel}};
    config.weights["bias"] = {DataType::kF32, data_.bias.data(), {data_.n}};
    return ops::make_linear(config).value();
  }

  const LinearData& data_;
  ops::Isa isa_;
  Matrix x_;
  mutable Matrix y_;
  Floats panels_;
  std::vector<Fixture> fixtures_;  // one per bound weight
};

/// The operands of that size, kept until another is requested: Google Benchmark calls a function
/// several times, and all libraries get the same.
const LinearData& linear_data(int64_t m, int64_t k, int64_t n) {
  static LinearData data;
  if (data.m == m && data.k == k && data.n == n) return data;
  const auto floats = [](int64_t count) { return random_floats(static_cast<size_t>(count)); };
  return data = {m, k, n, floats(m * k), floats(n * k), floats(n)};
}

/// Whether the last row of y is correct: a library that computes something else is no baseline.
bool is_right(const LinearData& data, const LinearCase& linear) {
  constexpr double kTolerance = 1e-5;  // several times what a sum of 3072 products loses
  const int64_t last = data.m - 1;
  const float* x = data.x.data() + last * data.k;
  const float* y = linear.y(last);
  for (int64_t n = 0; n < data.n; ++n) {
    const float* weight = data.weight.data() + n * data.k;
    double sum = data.bias[static_cast<size_t>(n)];
    double magnitude = 1.0;
    for (int64_t k = 0; k < data.k; ++k) {
      const double product = static_cast<double>(x[k]) * static_cast<double>(weight[k]);
      sum += product;
      magnitude += std::abs(product);
    }
    if (!(std::abs(static_cast<double>(y[n]) - sum) <= kTolerance * magnitude)) return false;
  }
  return true;
}

/// The weight stays in the nearest cache that it fits into.
void run_warm(benchmark::State& state, LinearCase& linear) {
  for (auto _ : state) linear.run(0);
}

/// The weight comes from memory, as in a model of many layers and few rows.
void run_cold(benchmark::State& state, LinearCase& linear, FarCopies& copies, int64_t bytes) {
  for (auto _ : state) linear.run(copies.next());
  report_read(state, bytes);
}

struct Problem {
  int64_t m;
  int64_t k;
  int64_t n;
  bool cold;
};

/// `isa`: the counter `peak` is relative to its peak.
void run(benchmark::State& state, const Problem& problem, const LinearData& data,
         LinearCase& linear, ops::Isa isa) {
  if (problem.cold) {
    FarCopies copies(linear.weight());
    linear.bind(copies.all());
    run_cold(state, linear, copies, static_cast<int64_t>(sizeof(float)) * data.n * data.k);
  } else {
    const float* const weight = linear.weight().data();
    linear.bind({&weight, 1});
    run_warm(state, linear);
  }
  if (!is_right(data, linear)) state.SkipWithError("the result is wrong");
  state.SetLabel(linear.implementation());
  report_flops(state, isa, static_cast<double>(2 * data.m * data.k * data.n));
}

void run_lanewise(benchmark::State& state, const Problem& problem, ops::Isa isa) {
  const LinearData& data = linear_data(problem.m, problem.k, problem.n);
  LanewiseCase linear(data, isa);
  run(state, problem, data, linear, isa);
}

/// The same with weights in another format, using the simplest rounding. They stay in the nearest
/// cache.
void run_format(benchmark::State& state, const Problem& problem, ops::Isa isa,
                ops::WeightFormat format) {
  const LinearData& data = linear_data(problem.m, problem.k, problem.n);
  const ops::PackedWeight weight =
      ops::pack_weight(format, data.weight.data(), problem.n, problem.k);
  ops::OperatorConfig config;
  config.isa = isa;
  config.inputs = {{DataType::kF32, problem.k}};
  config.output = {DataType::kF32, problem.n};
  ops::set_weight(config, "weight", weight);
  config.weights["bias"] = {DataType::kF32, data.bias.data(), {problem.n}};
  Matrix x(problem.m, problem.k), y(problem.m, problem.n);
  for (int64_t r = 0; r < problem.m; ++r) {
    std::copy_n(data.x.begin() + r * problem.k, problem.k, x.operand().f32(r));
  }
  Fixture fixture(ops::make_linear(config).value(), {x.operand()}, y.operand());
  for (auto _ : state) fixture.run();
  state.SetLabel(std::string(ops::name_of(isa)) + " " + std::string(ops::name_of(format)));
  report_flops(state, isa, static_cast<double>(2 * problem.m * problem.k * problem.n));
}

/// Whether a row of k inputs is made of whole blocks.
bool has_whole_blocks(ops::WeightFormat format, int64_t k) {
  const ops::BlockFormat* blocks = ops::blocks_of(format);
  return blocks == nullptr || k % blocks->elements == 0;
}

using MakeCase = std::unique_ptr<LinearCase> (*)(const LinearData&);

void run_baseline(benchmark::State& state, const Problem& problem, MakeCase make) {
  const LinearData& data = linear_data(problem.m, problem.k, problem.n);
  const std::unique_ptr<LinearCase> linear = make(data);
  run(state, problem, data, *linear, ops::best_isa());
}

/// One problem in all implementations, listed next to each other.
void register_problem(const Problem& problem) {
  static const bool kHasOneDnn = make_onednn_case(linear_data(1, 16, 16)) != nullptr;
  static const bool kHasBlis = make_blis_case(linear_data(1, 16, 16)) != nullptr;
  const auto add = [&](std::string_view who, auto... arguments) {
    const std::string name = "linear/" + std::string(who) + "/m:" + std::to_string(problem.m) +
                             "/k:" + std::to_string(problem.k) + "/n:" + std::to_string(problem.n) +
                             (problem.cold ? "/cold" : "");
    benchmark::RegisterBenchmark(name.c_str(), arguments...);
  };
  for (const ops::Isa isa : available_isas()) add(ops::name_of(isa), run_lanewise, problem, isa);
  for (const ops::WeightFormatInfo& info : ops::weight_formats()) {
    const bool is_other = info.format != ops::WeightFormat::f32 && ops::has_panels(info.format);
    if (!is_other || problem.cold || !has_whole_blocks(info.format, problem.k)) continue;
    for (const ops::Isa isa : available_isas()) {
      add(std::string(ops::name_of(isa)) + "/" + std::string(info.name), run_format, problem, isa,
          info.format);
    }
  }
  if (kHasOneDnn) add("onednn", run_baseline, problem, make_onednn_case);
  if (kHasBlis) add("blis", run_baseline, problem, make_blis_case);
}

void register_all() {
  constexpr int64_t kShapes[][2] = {{384, 384}, {384, 1152}, {384, 1536}, {1536, 384},
                                    {768, 768}, {768, 2304}, {768, 3072}, {3072, 768}};
  for (const auto& [k, n] : kShapes) {
    for (const int64_t m : {1, 2, 3, 4, 5, 16, 64, 128, 512}) register_problem({m, k, n, false});
  }
  // With more rows the arithmetic takes longer than the reading.
  constexpr int64_t kColdShapes[][2] = {{384, 1536}, {1536, 384}, {768, 3072}, {3072, 768}};
  for (const auto& [k, n] : kColdShapes) {
    for (const int64_t m : {1, 2, 3, 4, 5}) register_problem({m, k, n, true});
  }
}

}  // namespace
}  // namespace lanewise::bench

int main(int argc, char** argv) {
  lanewise::bench::register_all();
  return lanewise::bench::run_suite(argc, argv);
}
