#include "lanewise/session.hpp"

#include <algorithm>

#include "base/no_throw.hpp"
#include "base/saturating.hpp"
#include "base/status_macros.hpp"
#include "ops/dispatch.hpp"
#include "runtime/batch.hpp"
#include "runtime/exec/call_guard.hpp"
#include "runtime/exec/executor.hpp"
#include "runtime/exec/input_binder.hpp"
#include "runtime/exec/team.hpp"
#include "runtime/model_data.hpp"
#include "runtime/node_times.hpp"
#include "runtime/session_setup.hpp"
#include "runtime/tasks/task_names.hpp"

namespace lanewise {
namespace {

/// [B, T] in Transformers; everything else per token has a dimension for its features.
bool is_one_number_per_token(std::string_view output) {
  return output == tasks::kStartLogits || output == tasks::kEndLogits;
}

}  // namespace

/// Keeps the model alive, holds the program, and remembers the last batch.
class Session::Impl {
 public:
  Impl(Model model, plan::Program program, const SessionSetup& setup)
      : model_(std::move(model)),
        program_(std::move(program)),
        team_(setup.threads, setup.team),
        executor_(program_, team_),
        isa_(setup.isa),
        binder_(program_.graph) {}

  Status run(const RaggedBatch& batch, const RunOptions& options) {
    has_results_ = false;
    LW_RETURN_IF_ERROR(check_batch(batch, model_.info(), with_decoder()));
    LW_RETURN_IF_ERROR(bind(batch));
    LW_RETURN_IF_ERROR(executor_.run(options));
    if (executor_.profiling()) {
      times_.clear();
      append_node_times(program_, executor_, 0.0, times_);
    }
    has_results_ = true;
    return {};
  }

  Result<TensorMap> run_padded(const TensorMap& inputs, const RunOptions& options) {
    LW_ASSIGN_OR_RETURN(const PaddedBatch batch,
                        PaddedBatch::create(inputs, model_.info(), with_decoder()));
    LW_RETURN_IF_ERROR(run(batch.ragged(), options));
    TensorMap outputs;
    for (const auto& [name, value] : program_.graph.outputs) {
      LW_ASSIGN_OR_RETURN(const Rows rows, output(name));
      const graph::RowSymbol symbol = program_.graph.values[static_cast<size_t>(value)].rows;
      if (symbol == graph::RowSymbol::kSequences) {
        outputs[name] = PaddedBatch::pack_sequences(rows);
        continue;
      }
      const bool of_decoder = symbol == graph::RowSymbol::kTargetTokens;
      // A file may name any output so.
      const bool numbers = is_one_number_per_token(name) && rows.features == 1;
      outputs[name] =
          numbers ? batch.pad_numbers(rows, of_decoder) : batch.pad_tokens(rows, of_decoder);
    }
    return outputs;
  }

  Result<Rows> output(std::string_view name) const {
    const auto& outputs = program_.graph.outputs;
    const auto it = std::ranges::find(
        outputs, name, [](const auto& entry) { return std::string_view(entry.first); });
    if (it == outputs.end()) {
      return not_found("this session has no output '" + std::string(name) + "'");
    }
    if (!has_results_) return invalid_argument("no run has succeeded yet");
    const ops::Operand& operand = executor_.result(it->second);
    return Rows{operand.f32(), operand.rows, operand.features, operand.stride};
  }

  Status reserve(int64_t tokens, int64_t sequences) {
    if (tokens < 0 || sequences < 0) return invalid_argument("negative number of rows");
    bound_ = false;  // memory may move, so the next batch must be bound again
    has_results_ = false;
    // First, because it rejects implausible sizes.
    LW_RETURN_IF_ERROR(executor_.reserve(binder_.row_counts(tokens, tokens, sequences)));
    binder_.reserve(tokens, sequences);
    return {};
  }

  int64_t memory_bytes(int64_t tokens, int64_t sequences) const noexcept {
    if (tokens < 0 || sequences < 0) return 0;
    return base::add_or_max(executor_.memory_bytes(binder_.row_counts(tokens, tokens, sequences)),
                            binder_.memory_bytes(tokens, sequences));
  }

  void set_profiling(bool on) noexcept {
    executor_.set_profiling(on);
    if (!on) times_.clear();
  }
  std::span<const NodeTime> profile() const noexcept { return times_; }

  exec::CallGuard& guard() noexcept { return guard_; }
  const exec::Team& team() const noexcept { return team_; }
  ops::Isa isa() const noexcept { return isa_; }

 private:
  bool with_decoder() const noexcept { return binder_.reads_targets(); }

  Status bind(const RaggedBatch& batch) {
    // Stays false until everything succeeds: an exception leaves a batch half bound.
    const bool was_bound = std::exchange(bound_, false);
    const exec::BatchBinding binding = binder_.bind(batch);
    Status status = executor_.prepare(binding, binder_.has_new_lengths() || !was_bound);
    bound_ = status.ok();
    return status;
  }

  Model model_;
  plan::Program program_;
  exec::Team team_;
  exec::Executor executor_;
  ops::Isa isa_;
  exec::InputBinder binder_;
  exec::CallGuard guard_{"session"};
  bool bound_ = false;  // to the last batch
  bool has_results_ = false;
  std::vector<NodeTime> times_;  // of the last run, with profiling
};

Session::Session(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

Result<Session> Session::create(const Model& model, const SessionOptions& options) {
  return base::no_throw([&]() -> Result<Session> {
    LW_ASSIGN_OR_RETURN(const SessionSetup setup, check_session_options(options));
    model.data().prefetch_weights();
    LW_ASSIGN_OR_RETURN(const graph::Graph graph,
                        graph::restricted_to(model.data().graph(), options.outputs));
    LW_ASSIGN_OR_RETURN(
        plan::Program program,
        plan::make_program(model.data(), graph,
                           {.isa = setup.isa, .fast = options.fast, .log = options.log}));
    auto impl = std::make_unique<Impl>(model, std::move(program), setup);
    log_team(options, impl->team());
    return Session(std::move(impl));
  });
}

Status Session::run_ragged(const RaggedBatch& batch, const RunOptions& options) {
  return base::no_throw(
      [&] { return impl_->guard().run([&] { return impl_->run(batch, options); }); });
}

Result<TensorMap> Session::run(const TensorMap& inputs, const RunOptions& options) {
  return base::no_throw(
      [&] { return impl_->guard().run([&] { return impl_->run_padded(inputs, options); }); });
}

Result<Session::Rows> Session::output(std::string_view name) const {
  return base::no_throw([&] { return impl_->output(name); });
}

Status Session::reserve(int64_t tokens, int64_t sequences) {
  return base::no_throw(
      [&] { return impl_->guard().run([&] { return impl_->reserve(tokens, sequences); }); });
}

int64_t Session::memory_bytes(int64_t tokens, int64_t sequences) const noexcept {
  return impl_->memory_bytes(tokens, sequences);
}

int Session::threads() const noexcept { return impl_->team().threads(); }
std::string_view Session::isa() const noexcept { return ops::name_of(impl_->isa()); }
void Session::set_profiling(bool on) noexcept { impl_->set_profiling(on); }
std::span<const Session::NodeTime> Session::profile() const noexcept { return impl_->profile(); }

}  // namespace lanewise
