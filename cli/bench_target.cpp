#include "cli/bench_target.hpp"

#include <algorithm>
#include <numeric>
#include <random>
#include <span>
#include <utility>

#include "cli/interrupt.hpp"

namespace lanewise::cli {
namespace {

/// Random ids, the same in every run of the program. The standard defines the generator but not the
/// distributions: hence the remainder.
std::vector<int32_t> random_ids(int64_t count, int64_t vocabulary) {
  std::mt19937_64 random(42);
  std::vector<int32_t> ids(static_cast<size_t>(count));
  for (int32_t& id : ids) {
    id = static_cast<int32_t>(random() % static_cast<uint64_t>(std::max<int64_t>(vocabulary, 1)));
  }
  return ids;
}

RunOptions until_interrupted() {
  RunOptions options;
  options.cancel = &interrupted();
  return options;
}

class SessionTarget final : public BenchTarget {
 public:
  SessionTarget(Session& session, const ModelInfo& info, std::vector<int32_t> lengths)
      : session_(session),
        lengths_(std::move(lengths)),
        ids_(random_ids(std::accumulate(lengths_.begin(), lengths_.end(), int64_t{0}),
                        info.vocabulary_size)) {}

  Status run() override { return session_.run_ragged({ids_, {}, lengths_}, options_); }
  void set_profiling(bool on) override { session_.set_profiling(on); }
  std::vector<Session::NodeTime> profile() const override {
    return {session_.profile().begin(), session_.profile().end()};
  }

  std::vector<BenchPart> parts() const override {
    // A node has a span per thread, and each span holds the operations of the whole node.
    BenchPart all;
    std::vector<std::string_view> counted;
    for (const Session::NodeTime& node : session_.profile()) {
      if (std::find(counted.begin(), counted.end(), node.name) != counted.end()) continue;
      counted.push_back(node.name);
      all.flops += node.flops;
    }
    return {all};
  }

  int64_t tokens() const override { return static_cast<int64_t>(ids_.size()); }
  int threads() const override { return session_.threads(); }
  std::string_view isa() const override { return session_.isa(); }

 private:
  Session& session_;
  const std::vector<int32_t> lengths_;
  const std::vector<int32_t> ids_;
  const RunOptions options_ = until_interrupted();
};

/// The model's special tokens with none of its other search options.
GenerationOptions exactly(int64_t new_tokens, int beams, const ModelInfo& info) {
  GenerationOptions options;
  options.beams = beams;
  options.min_new_tokens = new_tokens;
  options.max_new_tokens = new_tokens;
  options.eos_token_ids = info.generation.eos_token_ids;
  options.bos_token_id = info.generation.bos_token_id;
  options.decoder_start_token_id = info.generation.decoder_start_token_id;
  return options;
}

class GeneratorTarget final : public BenchTarget {
 public:
  GeneratorTarget(Generator& generator, const ModelInfo& info, const std::vector<int32_t>& lengths,
                  GenerationOptions options)
      : generator_(generator),
        options_(std::move(options)),
        has_encoder_(info.target_vocabulary_size > 0) {
    const auto tokens = std::accumulate(lengths.begin(), lengths.end(), int64_t{0});
    const std::vector<int32_t> ids = random_ids(tokens, info.vocabulary_size);
    auto begin = ids.begin();
    for (const int32_t length : lengths) {
      sources_.emplace_back(begin, begin + length);
      begin += length;
    }
  }

  Status run() override {
    Result<std::vector<Generation>> done = generator_.generate(sources_, options_, {}, run_);
    if (!done.ok()) return done.status();
    return interrupted() ? cancelled("interrupted") : Status();
  }
  void set_profiling(bool on) override { generator_.set_profiling(on); }
  std::vector<Session::NodeTime> profile() const override {
    return {generator_.profile().begin(), generator_.profile().end()};
  }
  std::vector<BenchPart> parts() const override {
    std::vector<BenchPart> parts;
    for (const Generator::StepTime& step : generator_.steps()) {
      parts.push_back({step.flops, step.weight_bytes});
    }
    return parts;
  }

  /// An encoder's run is a step of its own, before the first of the decoder.
  std::optional<GenerationTimes> generation() const override {
    const std::span<const Generator::StepTime> steps = generator_.steps();
    int64_t prompt = 0;
    for (const auto& source : sources_) prompt += static_cast<int64_t>(source.size());
    if (steps.empty()) return std::nullopt;
    size_t last = has_encoder_ && steps.size() > 1 ? 1 : 0;  // step of the prompts
    for (int64_t rows = steps[0].rows; rows < prompt && last + 1 < steps.size();) {
      rows += steps[++last].rows;
    }
    const double prefill_us = steps[last].end_us - steps.front().begin_us;
    const double decode_us = steps.back().end_us - steps[last].end_us;
    const auto decoded =
        static_cast<double>(sources_.size()) * static_cast<double>(options_.max_new_tokens - 1);
    GenerationTimes times{.first_token_ms = prefill_us / 1e3};
    times.prefill_tokens_per_s = static_cast<double>(prompt) / (prefill_us / 1e6);
    if (decode_us > 0) times.decode_tokens_per_s = decoded / (decode_us / 1e6);
    return times;
  }

  int64_t tokens() const override {
    return static_cast<int64_t>(sources_.size()) * options_.max_new_tokens;
  }
  int threads() const override { return generator_.threads(); }
  std::string_view isa() const override { return generator_.isa(); }

 private:
  Generator& generator_;
  const GenerationOptions options_;
  const bool has_encoder_;
  const RunOptions run_ = until_interrupted();
  std::vector<std::vector<int32_t>> sources_;
};

}  // namespace

std::unique_ptr<BenchTarget> bench_session(Session& session, const ModelInfo& info,
                                           const std::vector<int32_t>& lengths) {
  return std::make_unique<SessionTarget>(session, info, lengths);
}

std::unique_ptr<BenchTarget> bench_generator(Generator& generator, const ModelInfo& info,
                                             const std::vector<int32_t>& lengths, int beams,
                                             int64_t new_tokens) {
  return std::make_unique<GeneratorTarget>(generator, info, lengths,
                                           exactly(new_tokens, beams, info));
}

}  // namespace lanewise::cli
