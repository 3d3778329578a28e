#include "runtime/exec/run_sequence.hpp"

#include "base/status_macros.hpp"
#include "runtime/exec/input_binder.hpp"

namespace lanewise::exec {

Status run_sequence(const plan::Program& program, Executor& executor, std::span<const int32_t> ids,
                    std::span<const int32_t> target_ids, const RunOptions& options) {
  InputBinder binder(program.graph);
  const auto length = static_cast<int32_t>(ids.size());
  const auto target_length = static_cast<int32_t>(target_ids.size());
  const BatchBinding batch = binder.bind({.ids = ids,
                                          .type_ids = {},
                                          .lengths = {&length, 1},
                                          .decoder_ids = target_ids,
                                          .decoder_lengths = {&target_length, 1}});
  LW_RETURN_IF_ERROR(executor.prepare(batch, true));
  return executor.run(options);
}

}  // namespace lanewise::exec
