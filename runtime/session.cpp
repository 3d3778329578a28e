#include "lanewise/session.hpp"

#include "base/status_macros.hpp"
#include "ops/dispatch.hpp"
#include "runtime/batch.hpp"
#include "runtime/exec/executor.hpp"
#include "runtime/exec/input_binder.hpp"
#include "runtime/exec/team.hpp"
#include "runtime/model_data.hpp"
#include "runtime/node_times.hpp"
#include "runtime/session_setup.hpp"

namespace lanewise {

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
    has_results_ = true;
    return {};
  }

  Result<Rows> output(std::string_view name) const {
    const auto it = program_.graph.outputs.find(std::string(name));
    if (it == program_.graph.outputs.end()) {
      return not_found("this session has no output '" + std::string(name) + "'");
    }
    if (!has_results_) return invalid_argument("no run has succeeded yet");
    const ops::Operand& operand = executor_.result(it->second);
    return Rows{operand.f32(), operand.rows, operand.features, operand.stride};
  }

  Status reserve(int64_t tokens, int64_t sequences) {
    if (tokens < 0 || sequences < 0) return invalid_argument("negative number of rows");
    bound_ = false;  // the memory may move: the next batch is bound anew
    has_results_ = false;
    binder_.reserve(tokens, sequences);
    return executor_.reserve(binder_.row_counts(tokens, tokens, sequences));
  }

  std::vector<NodeTime> profile() const;

  const plan::Program& program() const { return program_; }
  exec::Executor& executor() { return executor_; }
  const exec::Executor& executor() const { return executor_; }
  const Model& model() const { return model_; }
  const exec::Team& team() const { return team_; }
  ops::Isa isa() const { return isa_; }
  bool with_decoder() const { return binder_.reads_targets(); }
  const exec::InputBinder& binder() const { return binder_; }

 private:
  Status bind(const RaggedBatch& batch) {
    const exec::BatchBinding binding = binder_.bind(batch);
    const Status status = executor_.prepare(binding, binder_.has_new_lengths() || !bound_);
    bound_ = status.ok();
    return status;
  }

  Model model_;
  plan::Program program_;
  exec::Team team_;
  exec::Executor executor_;
  ops::Isa isa_;
  exec::InputBinder binder_;
  bool bound_ = false;  // to the last batch
  bool has_results_ = false;
};

std::vector<Session::NodeTime> Session::Impl::profile() const {
  std::vector<NodeTime> times;
  append_node_times(program_, executor_, 0.0, times);
  return times;
}

Session::Session(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

Result<Session> Session::create(const Model& model, const SessionOptions& options) {
  LW_ASSIGN_OR_RETURN(const SessionSetup setup, check_session_options(options));
  LW_ASSIGN_OR_RETURN(const graph::Graph graph,
                      graph::restricted_to(model.data().graph(), options.outputs));
  LW_ASSIGN_OR_RETURN(
      plan::Program program,
      plan::make_program(model.data(), graph,
                         {.isa = setup.isa, .fast = options.fast, .log = options.log}));
  auto impl = std::make_unique<Impl>(model, std::move(program), setup);
  log_team(options, impl->team());
  return Session(std::move(impl));
}

Status Session::run_ragged(const RaggedBatch& batch, const RunOptions& options) {
  return impl_->run(batch, options);
}

Result<TensorMap> Session::run(const TensorMap& inputs, const RunOptions& options) {
  LW_ASSIGN_OR_RETURN(const PaddedBatch batch,
                      PaddedBatch::create(inputs, impl_->model().info(), impl_->with_decoder()));
  LW_RETURN_IF_ERROR(run_ragged(batch.ragged(), options));
  TensorMap outputs;
  for (const auto& [name, value] : impl_->program().graph.outputs) {
    LW_ASSIGN_OR_RETURN(const Rows rows, output(name));
    const graph::RowSymbol symbol = impl_->program().graph.values[static_cast<size_t>(value)].rows;
    outputs[name] = symbol == graph::RowSymbol::kSequences
                        ? PaddedBatch::pack_sequences(rows)
                        : batch.pad_tokens(rows, symbol == graph::RowSymbol::kTargetTokens);
  }
  return outputs;
}

Result<Session::Rows> Session::output(std::string_view name) const { return impl_->output(name); }

Status Session::reserve(int64_t tokens, int64_t sequences) {
  return impl_->reserve(tokens, sequences);
}

int64_t Session::memory_bytes(int64_t tokens, int64_t sequences) const {
  const plan::Program& program = impl_->program();
  return program.memory.total_bytes(impl_->binder().row_counts(tokens, tokens, sequences)) +
         static_cast<int64_t>(program.scratch_bytes) * threads();
}

int Session::threads() const noexcept { return impl_->executor().threads(); }
std::string_view Session::isa() const noexcept { return ops::name_of(impl_->isa()); }
void Session::set_profiling(bool on) { impl_->executor().set_profiling(on); }
std::vector<Session::NodeTime> Session::profile() const { return impl_->profile(); }

std::vector<std::string> compiled_isas() {
  std::vector<std::string> names;
  for (const ops::Isa isa : ops::all_isas()) names.emplace_back(ops::name_of(isa));
  return names;
}

std::vector<std::string> available_isas() {
  std::vector<std::string> names;
  for (const ops::Isa isa : ops::all_isas()) {
    if (ops::is_available(isa)) names.emplace_back(ops::name_of(isa));
  }
  return names;
}

int available_cpus() { return exec::available_cpus(); }

}  // namespace lanewise
