#include "runtime/exec/run_sequence.hpp"

#include <array>
#include <string>
#include <vector>

#include "base/status_macros.hpp"
#include "runtime/graph/graph.hpp"

namespace lanewise::exec {
namespace {

constexpr auto kTokens = static_cast<size_t>(graph::RowSymbol::kTokens);
constexpr auto kSequences = static_cast<size_t>(graph::RowSymbol::kSequences);
constexpr auto kMemoryTokens = static_cast<size_t>(graph::RowSymbol::kMemoryTokens);

/// Offsets of one sequence.
std::array<int32_t, 2> offsets_of(std::span<const int32_t> ids) {
  return {0, static_cast<int32_t>(ids.size())};
}

}  // namespace

Status run_sequence(const plan::Program& program, Executor& executor, std::span<const int32_t> ids,
                    std::span<const int32_t> target_ids, const RunOptions& options) {
  const bool encoder_decoder = program.graph.find_input("decoder_input_ids") >= 0;
  const std::vector<int32_t> types(ids.size());
  std::vector<InputBinding> inputs;
  for (const graph::ValueId id : program.graph.inputs) {
    const std::string& name = program.graph.values[static_cast<size_t>(id)].name;
    const bool target = name == "decoder_input_ids";
    const bool type = name == "token_type_ids";
    inputs.push_back({target ? target_ids.data() : type ? types.data() : ids.data()});
  }
  const std::array<int32_t, 2> source = offsets_of(ids);
  const std::array<int32_t, 2> tokens = encoder_decoder ? offsets_of(target_ids) : source;
  BatchBinding batch{.inputs = inputs};
  batch.rows[kTokens] = tokens[1];
  batch.rows[kMemoryTokens] = encoder_decoder ? source[1] : 0;
  batch.rows[kSequences] = 1;
  batch.ragged[kTokens] = {tokens.data(), 1};
  if (encoder_decoder) batch.ragged[kMemoryTokens] = {source.data(), 1};
  LW_RETURN_IF_ERROR(executor.prepare(batch, true));
  return executor.run(options);
}

}  // namespace lanewise::exec
