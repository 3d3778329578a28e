#include "lanewise/session.hpp"

#include <algorithm>
#include <limits>

#include "base/no_throw.hpp"
#include "base/saturating.hpp"
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
  /// What reserve() allocates.
  static int64_t memory_bytes(int64_t sequences) {
    return base::multiply_or_max(base::add_or_max(2 * sequences, 1), sizeof(int32_t));
  }

  /// False when they were the same already. Where memory runs out they are as before.
  bool assign(std::span<const int32_t> from) {
    if (std::equal(from.begin(), from.end(), lengths.begin(), lengths.end())) return false;
    reserve(from.size());
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
        with_types_(reads_input(program_.graph, "token_type_ids")),
        inputs_(program_.graph.inputs.size()) {}

  Status run(const RaggedBatch& batch, const RunOptions& options) {
    has_results_ = false;
    LW_RETURN_IF_ERROR(check_batch(batch, model_.info(), with_decoder_));
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
                        PaddedBatch::create(inputs, model_.info(), with_decoder_));
    LW_RETURN_IF_ERROR(run(batch.ragged(), options));
    TensorMap outputs;
    for (const auto& [name, value] : program_.graph.outputs) {
      LW_ASSIGN_OR_RETURN(const Rows rows, output(name));
      const graph::RowSymbol symbol = program_.graph.values[static_cast<size_t>(value)].rows;
      outputs[name] = symbol == graph::RowSymbol::kSequences
                          ? PaddedBatch::pack_sequences(rows)
                          : batch.pad_tokens(rows, of_decoder(symbol));
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
    if (!has_results_) return invalid_argument("there is no successful run to show");
    const ops::Operand& operand = executor_.result(it->second);
    return Rows{operand.f32(), operand.rows, operand.features, operand.stride};
  }

  Status reserve(int64_t tokens, int64_t sequences) {
    if (tokens < 0 || sequences < 0) return invalid_argument("negative number of rows");
    bound_ = false;  // the memory may move: the next batch is bound anew
    has_results_ = false;
    // First, since it refuses what is too large for anything.
    LW_RETURN_IF_ERROR(
        executor_.reserve(row_counts(tokens, with_decoder_ ? tokens : 0, sequences)));
    sources_.reserve(static_cast<size_t>(sequences));
    if (with_decoder_) targets_.reserve(static_cast<size_t>(sequences));
    if (with_types_) make_zeros(static_cast<size_t>(tokens));
    return {};
  }

  int64_t memory_bytes(int64_t tokens, int64_t sequences) const noexcept {
    if (tokens < 0 || sequences < 0) return 0;
    const int64_t rows =
        executor_.memory_bytes(row_counts(tokens, with_decoder_ ? tokens : 0, sequences));
    if (rows == std::numeric_limits<int64_t>::max()) return rows;
    const int64_t lengths =
        base::multiply_or_max(Lengths::memory_bytes(sequences), with_decoder_ ? 2 : 1);
    const int64_t types = with_types_ ? base::multiply_or_max(tokens, sizeof(int32_t)) : 0;
    return base::add_or_max(rows, base::add_or_max(lengths, types));
  }

  /// Rows of a batch with so many tokens on each side.
  plan::RowCounts row_counts(int64_t tokens, int64_t decoder_tokens,
                             int64_t sequences) const noexcept {
    plan::RowCounts rows{};
    rows[kTokens] = encoder_decoder_ ? decoder_tokens : tokens;
    rows[kMemoryTokens] = encoder_decoder_ ? tokens : 0;
    rows[kSequences] = sequences;
    return rows;
  }

  void set_profiling(bool on) noexcept {
    executor_.set_profiling(on);
    if (!on) times_.clear();
  }
  std::span<const NodeTime> profile() const noexcept { return times_; }

  const exec::Team& team() const noexcept { return team_; }
  ops::Isa isa() const noexcept { return isa_; }

 private:
  /// Whether rows of that symbol are the decoder's tokens.
  bool of_decoder(graph::RowSymbol rows) const {
    return encoder_decoder_ && rows == graph::RowSymbol::kTokens;
  }

  Status bind(const RaggedBatch& batch) {
    // Until all is well: what throws on the way leaves a batch half bound.
    const bool was_bound = std::exchange(bound_, false);
    const bool new_sources = sources_.assign(batch.lengths);
    const bool new_targets = with_decoder_ && targets_.assign(batch.decoder_lengths);
    const bool new_shape = new_sources || new_targets || !was_bound;
    if (with_types_ && batch.type_ids.empty()) make_zeros(batch.ids.size());
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

  void make_zeros(size_t count) {
    if (zeros_.size() >= count) return;
    zeros_.reserve(count);  // and no more
    zeros_.resize(count);
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
  const bool with_types_;                   // the outputs need token types
  std::vector<exec::InputBinding> inputs_;  // in the order of graph.inputs
  Lengths sources_;                         // of the last batch
  Lengths targets_;
  std::vector<int32_t> zeros_;  // token types where the caller gives none
  bool bound_ = false;          // to the last batch
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
  return base::no_throw([&] { return impl_->run(batch, options); });
}

Result<TensorMap> Session::run(const TensorMap& inputs, const RunOptions& options) {
  return base::no_throw([&] { return impl_->run_padded(inputs, options); });
}

Result<Session::Rows> Session::output(std::string_view name) const {
  return base::no_throw([&] { return impl_->output(name); });
}

Status Session::reserve(int64_t tokens, int64_t sequences) {
  return base::no_throw([&] { return impl_->reserve(tokens, sequences); });
}

int64_t Session::memory_bytes(int64_t tokens, int64_t sequences) const noexcept {
  return impl_->memory_bytes(tokens, sequences);
}

int Session::threads() const noexcept { return impl_->team().threads(); }
std::string_view Session::isa() const noexcept { return ops::name_of(impl_->isa()); }
void Session::set_profiling(bool on) noexcept { impl_->set_profiling(on); }
std::span<const Session::NodeTime> Session::profile() const noexcept { return impl_->profile(); }

}  // namespace lanewise
