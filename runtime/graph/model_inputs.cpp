#include "runtime/graph/model_inputs.hpp"

#include <algorithm>
#include <array>

namespace lanewise::graph {
namespace {

constexpr std::array kInputs = {
    ModelInputSpec{ModelInput::kSourceIds, kSourceIds, RowSymbol::kSourceTokens},
    ModelInputSpec{ModelInput::kSourceTypes, kSourceTypes, RowSymbol::kSourceTokens},
    ModelInputSpec{ModelInput::kTargetIds, kTargetIds, RowSymbol::kTargetTokens},
};

}  // namespace

const ModelInputSpec* find_model_input(std::string_view name) noexcept {
  const auto it = std::find_if(kInputs.begin(), kInputs.end(),
                               [&](const ModelInputSpec& input) { return input.name == name; });
  return it == kInputs.end() ? nullptr : &*it;
}

bool has_target(const Graph& graph) { return graph.find_input(kTargetIds) >= 0; }

}  // namespace lanewise::graph
