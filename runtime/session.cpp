#include "lanewise/session.hpp"

#include <algorithm>

#include "base/status_macros.hpp"
#include "ops/dispatch.hpp"
#include "runtime/batch.hpp"
#include "runtime/exec/executor.hpp"
#include "runtime/exec/team.hpp"
#include "runtime/model_data.hpp"
#include "runtime/node_times.hpp"
#include "runtime/session_setup.hpp"

namespace lanewise {
namespace {

constexpr auto kTokens = static_cast<size_t>(graph::RowSymbol::kTokens);
constexpr auto kSequences = static_cast<size_t>(graph::RowSymbol::kSequences);
constexpr auto kMemoryTokens = static_cast<size_t>(graph::RowSymbol::kMemoryTokens);

/// Sequences of one row symbol: their lengths, and where each begins.
struct Lengths {
  std::vector<int32_t> lengths;
  std::vector<int32_t> offsets;

  void reserve(size_t sequences) {
    lengths.reserve(sequences);
    offsets.reserve(sequences + 1);
  }

  /// False when they were the same already.
  bool assign(std::span<const int32_t> from) {
    if (std::equal(from.begin(), from.end(), lengths.begin(), lengths.end())) return false;
    lengths.assign(from.begin(), from.end());
    offsets.assign(1, 0);
    for (const int32_t length : lengths) offsets.push_back(offsets.back() + length);
    return true;
  }

  ops::RaggedRows ragged() const { return {offsets.data(), static_cast<int64_t>(lengths.size())}; }
};

bool reads_input(const graph::Graph& graph, std::string_view name) {
  const graph::ValueId id = graph.find_input(name);
  return id >= 0 && graph.use_count(id) > 0;
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
        encoder_decoder_(program_.graph.find_input("decoder_input_ids") >= 0),
        with_decoder_(reads_input(program_.graph, "decoder_input_ids")),
        inputs_(program_.graph.inputs.size()) {}

  Status run(const RaggedBatch& batch, const RunOptions& options) {
    has_results_ = false;
    LW_RETURN_IF_ERROR(check_batch(batch, model_.info(), with_decoder_));
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
    sources_.reserve(static_cast<size_t>(sequences));
    targets_.reserve(static_cast<size_t>(sequences));
    zeros_.resize(std::max(zeros_.size(), static_cast<size_t>(tokens)));
    return executor_.reserve(row_counts(tokens, with_decoder_ ? tokens : 0, sequences));
  }

  /// Rows of a batch with so many tokens on each side.
  plan::RowCounts row_counts(int64_t tokens, int64_t decoder_tokens, int64_t sequences) const {
    plan::RowCounts rows{};
    rows[kTokens] = encoder_decoder_ ? decoder_tokens : tokens;
    rows[kMemoryTokens] = encoder_decoder_ ? tokens : 0;
    rows[kSequences] = sequences;
    return rows;
  }

  std::vector<NodeTime> profile() const;

  const plan::Program& program() const { return program_; }
  exec::Executor& executor() { return executor_; }
  const exec::Executor& executor() const { return executor_; }
  const Model& model() const { return model_; }
  const exec::Team& team() const { return team_; }
  ops::Isa isa() const { return isa_; }
  bool with_decoder() const { return with_decoder_; }
  /// Whether rows of that symbol are the decoder's tokens.
  bool of_decoder(graph::RowSymbol rows) const {
    return encoder_decoder_ && rows == graph::RowSymbol::kTokens;
  }

 private:
  Status bind(const RaggedBatch& batch) {
    const bool new_sources = sources_.assign(batch.lengths);
    const bool new_targets = with_decoder_ && targets_.assign(batch.decoder_lengths);
    const bool new_shape = new_sources || new_targets || !bound_;
    if (batch.type_ids.empty() && zeros_.size() < batch.ids.size()) zeros_.resize(batch.ids.size());
    for (size_t i = 0; i < inputs_.size(); ++i) inputs_[i].data = input_data(i, batch);
    const auto tokens = static_cast<int64_t>(batch.ids.size());
    const auto decoder_tokens =
        static_cast<int64_t>(with_decoder_ ? batch.decoder_ids.size() : size_t{0});
    const ops::RaggedRows sources = sources_.ragged();
    exec::BatchBinding binding{.rows = row_counts(tokens, decoder_tokens, sources.sequences),
                               .inputs = inputs_};
    binding.ragged[encoder_decoder_ ? kMemoryTokens : kTokens] = sources;
    if (with_decoder_) binding.ragged[kTokens] = targets_.ragged();
    const Status status = executor_.prepare(binding, new_shape);
    bound_ = status.ok();
    return status;
  }

  const int32_t* input_data(size_t input, const RaggedBatch& batch) const {
    const std::string& name =
        program_.graph.values[static_cast<size_t>(program_.graph.inputs[input])].name;
    if (name == "decoder_input_ids") return batch.decoder_ids.data();
    if (name != "token_type_ids") return batch.ids.data();
    return batch.type_ids.empty() ? zeros_.data() : batch.type_ids.data();
  }

  Model model_;
  plan::Program program_;
  exec::Team team_;
  exec::Executor executor_;
  ops::Isa isa_;
  const bool encoder_decoder_;
  const bool with_decoder_;                 // an encoder-decoder whose outputs need the decoder
  std::vector<exec::InputBinding> inputs_;  // in the order of graph.inputs
  Lengths sources_;                         // of the last batch
  Lengths targets_;
  std::vector<int32_t> zeros_;  // token types where the caller gives none
  bool bound_ = false;          // to the last batch
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
                        : batch.pad_tokens(rows, impl_->of_decoder(symbol));
  }
  return outputs;
}

Result<Session::Rows> Session::output(std::string_view name) const { return impl_->output(name); }

Status Session::reserve(int64_t tokens, int64_t sequences) {
  return impl_->reserve(tokens, sequences);
}

int64_t Session::memory_bytes(int64_t tokens, int64_t sequences) const {
  const plan::Program& program = impl_->program();
  const int64_t decoder_tokens = impl_->with_decoder() ? tokens : 0;
  return program.memory.total_bytes(impl_->row_counts(tokens, decoder_tokens, sequences)) +
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
