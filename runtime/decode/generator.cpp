#include "lanewise/generator.hpp"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "base/messages.hpp"
#include "base/no_throw.hpp"
#include "base/status_macros.hpp"
#include "ops/dispatch.hpp"
#include "runtime/batch.hpp"
#include "runtime/decode/decoder.hpp"
#include "runtime/decode/scheduler.hpp"
#include "runtime/exec/call_guard.hpp"
#include "runtime/exec/length_batches.hpp"

namespace lanewise {
namespace {

// Hypotheses of an encoder-decoder in a batch, whose sources are encoded together.
constexpr int64_t kBatchRows = decode::Scheduler::Limits().rows;
// Tokens of the sources that the encoder processes at once.
constexpr int64_t kBatchTokens = 4096;

}  // namespace

class Generator::Impl {
 public:
  Impl(Model model, std::unique_ptr<decode::Decoder> decoder)
      : model_(std::move(model)), decoder_(std::move(decoder)) {}

  Result<std::vector<Generation>> generate(std::span<const std::vector<int32_t>> sources,
                                           const GenerationOptions& options,
                                           const GenerationCallbacks& callbacks,
                                           const RunOptions& run,
                                           std::span<const Constraint> constraints) {
    LW_RETURN_IF_ERROR(check(sources, options));
    LW_ASSIGN_OR_RETURN(const text::Tokenizer* const tokenizer,
                        decode::tokenizer_for(options, model_));
    LW_RETURN_IF_ERROR(check(sources, constraints));
    decoder_->begin_profile();
    std::vector<int32_t> lengths;
    for (const auto& source : sources) lengths.push_back(static_cast<int32_t>(source.size()));
    exec::LengthBatches batches;
    exec::cut_by_length(lengths, limits(options), batches);
    std::vector<Generation> results(sources.size());
    std::vector<decode::Request> requests;
    for (const int32_t number : batches.order) {
      const auto i = static_cast<size_t>(number);
      requests.push_back({.ids = sources[i],
                          .number = i,
                          .sequence = first_source_ + i,
                          .options = &options,
                          .callbacks = &callbacks,
                          .constraint = constraint_of(i, constraints),
                          .tokenizer = tokenizer,
                          .result = &results[i]});
    }
    int64_t done = 0;
    for (const exec::LengthBatch& batch : batches.batches) {
      const auto members = std::span(requests).subspan(batch.begin, batch.end - batch.begin);
      const Status status = generate(members, callbacks, run, done);
      if (status.code() == StatusCode::kCancelled) break;
      if (!status.ok()) return status;
    }
    for (Generation& result : results) {
      if (!result.hypotheses.empty()) continue;  // cancelled before it started
      result.hypotheses.push_back({.ids = {}, .finish_reason = FinishReason::kCancelled});
    }
    return results;
  }

  exec::CallGuard& guard() { return guard_; }
  static decode::Decoder::Load load(int64_t sequences, int64_t tokens) {
    return {.sequences = sequences,
            .tokens = tokens,
            .prompt_tokens = decode::Scheduler::Limits().prompt_tokens,
            .source_tokens = kBatchTokens};
  }

  void set_first_source(uint64_t number) { first_source_ = number; }
  decode::Decoder& decoder() { return *decoder_; }
  const decode::Decoder& decoder() const { return *decoder_; }

 private:
  /// The sources of a decoder alone are one batch, which they join one after another.
  exec::BatchLimits limits(const GenerationOptions& options) const {
    constexpr int64_t kNoLimit = std::numeric_limits<int64_t>::max();
    if (!decoder_->has_encoder()) return {kNoLimit, kNoLimit};
    const int64_t each = std::max(options.beams, options.num_return_sequences);
    return {kBatchTokens, std::max<int64_t>(1, kBatchRows / each)};
  }

  /// Generates for the requests of a batch, which join when there is room. kCancelled, with the
  /// results of those that had joined, if `run` stopped it.
  Status generate(std::span<const decode::Request> requests, const GenerationCallbacks& callbacks,
                  const RunOptions& run, int64_t& done) {
    decode::Scheduler scheduler(*decoder_);
    const auto left = [&](uint64_t) {
      ++done;
      if (callbacks.progress) callbacks.progress(done);
    };
    Status status = scheduler.encode(requests, run);
    size_t next = 0;
    while (status.ok()) {
      for (; status.ok() && next < requests.size() && scheduler.has_room(requests[next]); ++next) {
        status = join(scheduler, requests[next], static_cast<int32_t>(next));
      }
      if (!status.ok()) break;
      scheduler.leave(left);
      if (scheduler.empty() && next == requests.size()) return {};
      if (!scheduler.empty()) status = scheduler.step(run);
    }
    scheduler.stop_all(FinishReason::kCancelled);
    scheduler.leave();
    return status;
  }

  static Status join(decode::Scheduler& scheduler, const decode::Request& request, int32_t source) {
    return scheduler.join(request, source)
        .with_context("source " + std::to_string(request.number + 1));
  }

  static const Constraint* constraint_of(size_t source, std::span<const Constraint> constraints) {
    if (constraints.empty()) return nullptr;
    return &constraints[constraints.size() == 1 ? 0 : source];
  }

  static Status check(std::span<const std::vector<int32_t>> sources,
                      std::span<const Constraint> constraints) {
    if (constraints.size() <= 1 || constraints.size() == sources.size()) return {};
    return invalid_argument("constraints: expected none, one or one for each of the " +
                            std::to_string(sources.size()) + " sources, found " +
                            std::to_string(constraints.size()));
  }

  Status check(std::span<const std::vector<int32_t>> sources,
               const GenerationOptions& options) const {
    LW_RETURN_IF_ERROR(validate(options, decoder_->vocabulary()));
    if (decoder_->has_encoder() && options.decoder_start_token_id == kNoToken &&
        options.bos_token_id == kNoToken) {
      return invalid_argument(
          "decoder_start_token_id: the model does not define the first token of a sequence");
    }
    for (size_t i = 0; i < sources.size(); ++i) {
      const Status status = check_sequence(sources[i], model_.info());
      if (!status.ok()) return status.with_context("source " + std::to_string(i + 1));
    }
    return {};
  }

  Model model_;
  std::unique_ptr<decode::Decoder> decoder_;
  uint64_t first_source_ = 0;
  exec::CallGuard guard_{"generator"};
};

Result<Generator> Generator::create(const Model& model, const SessionOptions& options) {
  return base::no_throw([&]() -> Result<Generator> {
    LW_ASSIGN_OR_RETURN(auto decoder, decode::Decoder::create(model, options));
    return Generator(std::make_unique<Impl>(model, std::move(decoder)));
  });
}

Generator::Generator(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Generator::Generator(Generator&&) noexcept = default;
Generator& Generator::operator=(Generator&&) noexcept = default;
Generator::~Generator() = default;

Result<std::vector<Generation>> Generator::generate(std::span<const std::vector<int32_t>> sources,
                                                    const GenerationOptions& options,
                                                    const GenerationCallbacks& callbacks,
                                                    const RunOptions& run,
                                                    std::span<const Constraint> constraints) {
  return base::no_throw([&] {
    return impl_->guard().run(
        [&] { return impl_->generate(sources, options, callbacks, run, constraints); });
  });
}

void Generator::set_first_source(uint64_t number) noexcept { impl_->set_first_source(number); }

Status Generator::reserve(int64_t sequences, int64_t tokens) {
  return base::no_throw([&] { return impl_->decoder().reserve(Impl::load(sequences, tokens)); });
}

int64_t Generator::memory_bytes(int64_t sequences, int64_t tokens) const noexcept {
  return impl_->decoder().memory_bytes(Impl::load(sequences, tokens));
}

void Generator::set_profiling(bool on) noexcept { impl_->decoder().set_profiling(on); }
std::span<const Generator::StepTime> Generator::steps() const noexcept {
  return impl_->decoder().step_times();
}
std::span<const Session::NodeTime> Generator::profile() const noexcept {
  return impl_->decoder().node_times();
}

int Generator::threads() const noexcept { return impl_->decoder().team().threads(); }
std::string_view Generator::isa() const noexcept { return ops::name_of(impl_->decoder().isa()); }

}  // namespace lanewise
