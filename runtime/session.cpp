#include "lanewise/session.hpp"

#include <algorithm>

#include "ops/dispatch.hpp"
#include "ops/status_macros.hpp"
#include "runtime/batch.hpp"
#include "runtime/exec/barrier.hpp"
#include "runtime/exec/executor.hpp"
#include "runtime/exec/team.hpp"
#include "runtime/model_data.hpp"

namespace lanewise {
namespace {

constexpr int kMostThreads = 1024;

Result<ops::Isa> choose_isa(const std::string& name) {
  return name.empty() ? ops::default_isa() : ops::find_isa(name);
}

/// Lets OpenMP make the team now, instead of in the first run.
void start_team(int threads) {
  struct Meeting final : exec::TeamBody {
    explicit Meeting(int count) : barrier(count) {}
    void run(int) noexcept override { barrier.wait(); }
    exec::SpinBarrier barrier;
  } meeting(threads);
  exec::run_team(threads, meeting);
}

plan::RowCounts row_counts(int64_t tokens, int64_t sequences) {
  plan::RowCounts rows{};
  rows[static_cast<size_t>(graph::RowSymbol::kTokens)] = tokens;
  rows[static_cast<size_t>(graph::RowSymbol::kSequences)] = sequences;
  return rows;
}

}  // namespace

/// Keeps the model alive, holds the program, and remembers the last batch.
class Session::Impl {
 public:
  Impl(Model model, plan::Program program, ops::Isa isa, int threads)
      : model_(std::move(model)),
        program_(std::move(program)),
        executor_(program_, threads),
        isa_(isa),
        inputs_(program_.graph.inputs.size()) {}

  Status run(const RaggedBatch& batch, const RunOptions& options) {
    has_results_ = false;
    LW_RETURN_IF_ERROR(check_batch(batch, model_.info()));
    const bool same_shape =
        std::equal(batch.lengths.begin(), batch.lengths.end(), lengths_.begin(), lengths_.end());
    LW_RETURN_IF_ERROR(bind(batch, same_shape));
    LW_RETURN_IF_ERROR(executor_.run(options));
    has_results_ = true;
    return {};
  }

  Result<Rows> output(std::string_view name) const {
    const auto it = program_.graph.outputs.find(std::string(name));
    if (it == program_.graph.outputs.end()) {
      return not_found("this session has no output '" + std::string(name) + "'");
    }
    if (!has_results_) return invalid_argument("there is no successful run to show");
    const ops::Operand& operand = executor_.result(it->second);
    return Rows{operand.f32(), operand.rows, operand.features, operand.stride};
  }

  Status reserve(int64_t tokens, int64_t sequences) {
    if (tokens < 0 || sequences < 0) return invalid_argument("negative number of rows");
    lengths_.clear();  // the memory may move: the next batch is bound anew
    has_results_ = false;
    lengths_.reserve(static_cast<size_t>(sequences));
    offsets_.reserve(static_cast<size_t>(sequences) + 1);
    zeros_.resize(std::max(zeros_.size(), static_cast<size_t>(tokens)));
    return executor_.reserve(row_counts(tokens, sequences));
  }

  std::vector<NodeTime> profile() const;

  const plan::Program& program() const { return program_; }
  exec::Executor& executor() { return executor_; }
  const exec::Executor& executor() const { return executor_; }
  const Model& model() const { return model_; }
  ops::Isa isa() const { return isa_; }

 private:
  Status bind(const RaggedBatch& batch, bool same_shape) {
    const auto tokens = static_cast<int64_t>(batch.ids.size());
    if (!same_shape) remember(batch);
    if (batch.type_ids.empty() && zeros_.size() < batch.ids.size()) zeros_.resize(batch.ids.size());
    for (size_t i = 0; i < inputs_.size(); ++i) {
      const graph::Value& value =
          program_.graph.values[static_cast<size_t>(program_.graph.inputs[i])];
      const bool types = value.name == "token_type_ids";
      inputs_[i] = !types                   ? batch.ids.data()
                   : batch.type_ids.empty() ? zeros_.data()
                                            : batch.type_ids.data();
    }
    const ops::RaggedRows ragged{offsets_.data(), static_cast<int64_t>(lengths_.size())};
    exec::BatchBinding binding{.rows = row_counts(tokens, ragged.sequences), .inputs = inputs_};
    binding.ragged[static_cast<size_t>(graph::RowSymbol::kTokens)] = ragged;
    Status status = executor_.prepare(binding, !same_shape);
    if (!status.ok()) lengths_.clear();
    return status;
  }

  void remember(const RaggedBatch& batch) {
    lengths_.assign(batch.lengths.begin(), batch.lengths.end());
    offsets_.assign(1, 0);
    for (const int32_t length : lengths_) offsets_.push_back(offsets_.back() + length);
  }

  Model model_;
  plan::Program program_;
  exec::Executor executor_;
  ops::Isa isa_;
  std::vector<const int32_t*> inputs_;  // in the order of graph.inputs
  std::vector<int32_t> lengths_;        // of the last batch
  std::vector<int32_t> offsets_;
  std::vector<int32_t> zeros_;  // token types where the caller gives none
  bool has_results_ = false;
};

std::vector<Session::NodeTime> Session::Impl::profile() const {
  std::vector<NodeTime> times;
  const size_t steps = program_.graph.nodes.size();
  for (size_t i = 0; i < executor_.spans().size(); ++i) {
    const exec::Span& span = executor_.spans()[i];
    if (span.end_us < span.begin_us) continue;
    const graph::Node& node = program_.graph.nodes[i % steps];
    times.push_back({.name = node.name,
                     .op = node.op,
                     .implementation = program_.operators[i % steps]->implementation(),
                     .thread = static_cast<int>(i / steps),
                     .begin_us = span.begin_us,
                     .end_us = span.end_us,
                     .flops = executor_.flops(i % steps)});
  }
  return times;
}

Session::Session(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

Result<Session> Session::create(const Model& model, const SessionOptions& options) {
  LW_ASSIGN_OR_RETURN(const ops::Isa isa, choose_isa(options.isa));
  if (options.threads < 0 || options.threads > kMostThreads) {
    return invalid_argument("threads: expected 0 to " + std::to_string(kMostThreads) + ", found " +
                            std::to_string(options.threads));
  }
  const int threads = options.threads == 0 ? exec::available_cpus() : options.threads;
  LW_ASSIGN_OR_RETURN(
      plan::Program program,
      plan::make_program(
          model.data(),
          {.isa = isa, .fast = options.fast, .outputs = options.outputs, .log = options.log}));
  start_team(threads);
  return Session(std::make_unique<Impl>(model, std::move(program), isa, threads));
}

Status Session::run_ragged(const RaggedBatch& batch, const RunOptions& options) {
  return impl_->run(batch, options);
}

Result<TensorMap> Session::run(const TensorMap& inputs, const RunOptions& options) {
  LW_ASSIGN_OR_RETURN(const PaddedBatch batch, PaddedBatch::create(inputs, impl_->model().info()));
  LW_RETURN_IF_ERROR(run_ragged(batch.ragged(), options));
  TensorMap outputs;
  for (const auto& [name, value] : impl_->program().graph.outputs) {
    LW_ASSIGN_OR_RETURN(const Rows rows, output(name));
    const graph::RowSymbol symbol = impl_->program().graph.values[static_cast<size_t>(value)].rows;
    outputs[name] = symbol == graph::RowSymbol::kSequences ? PaddedBatch::pack_sequences(rows)
                                                           : batch.pad_tokens(rows);
  }
  return outputs;
}

Result<Session::Rows> Session::output(std::string_view name) const { return impl_->output(name); }

Status Session::reserve(int64_t tokens, int64_t sequences) {
  return impl_->reserve(tokens, sequences);
}

int64_t Session::memory_bytes(int64_t tokens, int64_t sequences) const {
  const plan::Program& program = impl_->program();
  return program.memory.total_bytes(row_counts(tokens, sequences)) +
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
