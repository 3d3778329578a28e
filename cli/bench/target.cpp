#include "cli/bench/target.hpp"

#include <algorithm>
#include <random>
#include <set>
#include <span>
#include <utility>

#include "cli/interrupt.hpp"
#include "lanewise/batches.hpp"
#include "lanewise/status_macros.hpp"

namespace lanewise::cli {
namespace {

// Those of `lanewise embed` (runtime/tasks/text_batcher.cpp, cli/texts.cpp).
constexpr int64_t kTokensPerBatch = 1024;
constexpr size_t kTextsPerBatching = 2048;

RunOptions until_interrupted() {
  RunOptions options;
  options.cancel = &interrupted();
  return options;
}

/// Sequences that a session runs together.
struct InputBatch {
  std::vector<int32_t> ids;
  std::vector<int32_t> lengths;

  void add(const std::vector<int32_t>& sequence) {
    ids.insert(ids.end(), sequence.begin(), sequence.end());
    lengths.push_back(static_cast<int32_t>(sequence.size()));
  }
  RaggedBatch ragged() const { return {ids, {}, lengths}; }
};

/// Appends the batches of texts [begin, end).
Status add_batches(const std::vector<std::vector<int32_t>>& texts, size_t begin, size_t end,
                   std::vector<InputBatch>& batches) {
  std::vector<int32_t> lengths;
  for (size_t i = begin; i < end; ++i) lengths.push_back(static_cast<int32_t>(texts[i].size()));
  LANEWISE_ASSIGN_OR_RETURN(const LengthBatches cut,
                            batch_by_length(lengths, {.tokens = kTokensPerBatch}));
  for (const LengthBatch& together : cut.batches) {
    InputBatch& batch = batches.emplace_back();
    for (size_t i = together.begin; i < together.end; ++i) {
      batch.add(texts[begin + static_cast<size_t>(cut.order[i])]);
    }
  }
  return {};
}

Result<std::vector<InputBatch>> batches_of(const BenchInput& input) {
  std::vector<InputBatch> batches;
  if (!input.are_texts) {
    InputBatch& all = batches.emplace_back();
    for (const std::vector<int32_t>& sequence : input.ids) all.add(sequence);
    return batches;
  }
  for (size_t begin = 0; begin < input.ids.size(); begin += kTextsPerBatching) {
    const size_t end = std::min(input.ids.size(), begin + kTextsPerBatching);
    LANEWISE_RETURN_IF_ERROR(add_batches(input.ids, begin, end, batches));
  }
  return batches;
}

class SessionTarget final : public BenchTarget {
 public:
  SessionTarget(std::shared_ptr<Session> session, BenchInput input, std::vector<InputBatch> batches)
      : session_(std::move(session)), input_(std::move(input)), batches_(std::move(batches)) {}

  Status run() override {
    profile_.clear();
    flops_ = 0.0;
    for (const InputBatch& batch : batches_) {
      LANEWISE_RETURN_IF_ERROR(session_->run_ragged(batch.ragged(), options_));
      if (profiling_) add_profile_of_batch();
    }
    return {};
  }

  size_t requests() const override { return input_.are_texts ? input_.ids.size() : 1; }
  Status run_request(size_t index) override {
    if (!input_.are_texts) return run();
    const std::vector<int32_t>& ids = input_.ids[index];
    const auto length = static_cast<int32_t>(ids.size());
    return session_->run_ragged({ids, {}, std::span(&length, 1)}, options_);
  }

  void set_profiling(bool on) override {
    profiling_ = on;
    session_->set_profiling(on);
  }
  std::vector<Session::NodeTime> profile() const override { return profile_; }
  std::vector<BenchPart> parts() const override { return {{.flops = flops_}}; }

  int64_t tokens() const override {
    int64_t tokens = 0;
    for (const InputBatch& batch : batches_) tokens += static_cast<int64_t>(batch.ids.size());
    return tokens;
  }
  int threads() const override { return session_->threads(); }
  std::string_view isa() const override { return session_->isa(); }

 private:
  /// A batch begins where the one before ended.
  void add_profile_of_batch() {
    double begin_us = 0.0;
    for (const Session::NodeTime& node : profile_) begin_us = std::max(begin_us, node.end_us);
    // A node has a span per thread, and each span holds the operations of the whole node.
    std::set<std::string_view> counted;
    for (Session::NodeTime node : session_->profile()) {
      if (counted.insert(node.name).second) flops_ += node.flops;
      node.begin_us += begin_us;
      node.end_us += begin_us;
      profile_.push_back(node);
    }
  }

  std::shared_ptr<Session> session_;
  const BenchInput input_;
  const std::vector<InputBatch> batches_;
  const RunOptions options_ = until_interrupted();
  bool profiling_ = false;
  std::vector<Session::NodeTime> profile_;
  double flops_ = 0.0;
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
  GeneratorTarget(std::shared_ptr<Generator> generator, const ModelInfo& info, BenchInput input,
                  GenerationOptions options)
      : generator_(std::move(generator)),
        options_(std::move(options)),
        has_encoder_(info.target_vocabulary_size > 0),
        input_(std::move(input)) {}

  Status run() override { return generate(input_.ids); }
  size_t requests() const override { return input_.are_texts ? input_.ids.size() : 1; }
  Status run_request(size_t index) override {
    return input_.are_texts ? generate(std::span(input_.ids).subspan(index, 1)) : run();
  }
  void set_profiling(bool on) override { generator_->set_profiling(on); }
  std::vector<Session::NodeTime> profile() const override {
    return {generator_->profile().begin(), generator_->profile().end()};
  }
  std::vector<BenchPart> parts() const override {
    std::vector<BenchPart> parts;
    for (const Generator::StepTime& step : generator_->steps()) {
      parts.push_back({step.flops, step.weight_bytes});
    }
    return parts;
  }

  /// An encoder's run is a step of its own, before the first of the decoder.
  std::optional<GenerationTimes> generation() const override {
    const std::span<const Generator::StepTime> steps = generator_->steps();
    int64_t prompt = 0;
    for (const auto& source : input_.ids) prompt += static_cast<int64_t>(source.size());
    if (steps.empty()) return std::nullopt;
    size_t last = has_encoder_ && steps.size() > 1 ? 1 : 0;  // step of the prompts
    for (int64_t rows = steps[0].rows; rows < prompt && last + 1 < steps.size();) {
      rows += steps[++last].rows;
    }
    const double prefill_us = steps[last].end_us - steps.front().begin_us;
    const double decode_us = steps.back().end_us - steps[last].end_us;
    const auto decoded =
        static_cast<double>(input_.ids.size()) * static_cast<double>(options_.max_new_tokens - 1);
    GenerationTimes times{.first_token_ms = prefill_us / 1e3};
    times.prefill_tokens_per_s = static_cast<double>(prompt) / (prefill_us / 1e6);
    if (decode_us > 0 && decoded > 0) {
      times.decode_tokens_per_s = decoded / (decode_us / 1e6);
      times.between_tokens_ms = decode_us / 1e3 / static_cast<double>(options_.max_new_tokens - 1);
    }
    return times;
  }

  int64_t tokens() const override {
    return static_cast<int64_t>(input_.ids.size()) * options_.max_new_tokens;
  }
  int threads() const override { return generator_->threads(); }
  std::string_view isa() const override { return generator_->isa(); }

 private:
  Status generate(std::span<const std::vector<int32_t>> sources) {
    Result<std::vector<Generation>> done = generator_->generate(sources, options_, {}, run_);
    if (!done.ok()) return done.status();
    return interrupted() ? cancelled("interrupted") : Status();
  }

  std::shared_ptr<Generator> generator_;
  const GenerationOptions options_;
  const bool has_encoder_;
  const RunOptions run_ = until_interrupted();
  const BenchInput input_;
};

}  // namespace

std::vector<int32_t> BenchInput::lengths() const {
  std::vector<int32_t> lengths;
  for (const auto& sequence : ids) lengths.push_back(static_cast<int32_t>(sequence.size()));
  return lengths;
}

/// The standard defines the generator but not the distributions: hence the remainder.
BenchInput random_input(const std::vector<int32_t>& lengths, int64_t vocabulary) {
  std::mt19937_64 random(42);
  const auto limit = static_cast<uint64_t>(std::max<int64_t>(vocabulary, 1));
  BenchInput input;
  for (const int32_t length : lengths) {
    std::vector<int32_t>& sequence = input.ids.emplace_back(static_cast<size_t>(length));
    for (int32_t& id : sequence) id = static_cast<int32_t>(random() % limit);
  }
  return input;
}

Result<std::unique_ptr<BenchTarget>> bench_session(std::shared_ptr<Session> session,
                                                   BenchInput input) {
  LANEWISE_ASSIGN_OR_RETURN(std::vector<InputBatch> batches, batches_of(input));
  std::unique_ptr<BenchTarget> target =
      std::make_unique<SessionTarget>(std::move(session), std::move(input), std::move(batches));
  return target;
}

std::unique_ptr<BenchTarget> bench_generator(std::shared_ptr<Generator> generator,
                                             const ModelInfo& info, BenchInput input, int beams,
                                             int64_t new_tokens) {
  return std::make_unique<GeneratorTarget>(std::move(generator), info, std::move(input),
                                           exactly(new_tokens, beams, info));
}

}  // namespace lanewise::cli
