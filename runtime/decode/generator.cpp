#include "lanewise/generator.hpp"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "base/messages.hpp"
#include "base/no_throw.hpp"
#include "base/status_macros.hpp"
#include "ops/attention/kv_page.hpp"
#include "ops/dispatch.hpp"
#include "runtime/batch.hpp"
#include "runtime/decode/decoder.hpp"
#include "runtime/decode/generation.hpp"
#include "runtime/exec/length_batches.hpp"

namespace lanewise {
namespace {

// Hypotheses of an encoder-decoder in a batch, as BatchGeneration would choose.
constexpr int64_t kBatchRows = 256;
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
    LW_RETURN_IF_ERROR(check(sources, constraints));
    decoder_->begin_profile();
    std::vector<int32_t> lengths;
    for (const auto& source : sources) lengths.push_back(static_cast<int32_t>(source.size()));
    exec::LengthBatches batches;
    exec::cut_by_length(lengths, limits(options), batches);
    std::vector<Generation> results(sources.size());
    bool stopped = false;
    for (const exec::LengthBatch& batch : batches.batches) {
      if (stopped) break;
      std::vector<decode::Source> members;
      for (size_t i = batch.begin; i < batch.end; ++i) {
        const auto number = static_cast<size_t>(batches.order[i]);
        members.push_back({sources[number], number, constraint_of(number, constraints)});
      }
      std::vector<Generation> outcome(members.size());
      GenerationCallbacks batch_callbacks = callbacks;
      if (callbacks.progress) {
        batch_callbacks.progress = [&](int64_t done) {
          callbacks.progress(static_cast<int64_t>(batch.begin) + done);
        };
      }
      decode::BatchGeneration generation(*decoder_, options, batch_callbacks, run);
      LW_RETURN_IF_ERROR(generation.run(members, outcome, stopped));
      for (size_t i = 0; i < members.size(); ++i) {
        results[members[i].number] = std::move(outcome[i]);
      }
    }
    for (Generation& result : results) {
      if (!result.hypotheses.empty()) continue;  // cancelled before it started
      result.hypotheses.push_back({.ids = {}, .finish_reason = FinishReason::kCancelled});
    }
    return results;
  }

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
      const auto length = static_cast<int32_t>(sources[i].size());
      const Status status = check_batch(
          {.ids = sources[i], .type_ids = {}, .lengths = {&length, 1}}, model_.info(), false);
      if (!status.ok()) return status.with_context("source " + std::to_string(i + 1));
    }
    return {};
  }

  Model model_;
  std::unique_ptr<decode::Decoder> decoder_;
};

Result<Generator> Generator::create(const Model& model, const SessionOptions& options) {
  return base::no_throw([&]() -> Result<Generator> {
    LW_ASSIGN_OR_RETURN(auto decoder, decode::Decoder::create(model, options));
    // As much as one more sequence would take.
    decoder->cache().keep(ops::pages_for(decoder->max_tokens()));
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
  return base::no_throw(
      [&] { return impl_->generate(sources, options, callbacks, run, constraints); });
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
