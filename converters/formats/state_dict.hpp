#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "converters/formats/pickle.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// A tensor of a state dict: its name, and its number in the pickle.
struct StateDictEntry {
  std::string name;
  size_t tensor = 0;
};

/// The state dict in what torch.save() wrote, in name order: the pickled dict itself, or one level
/// down, where training scripts put it beside their epoch and optimizer (`state_dict`,
/// `model_state_dict`, `model`, ...). Entries that are no tensors are left out.
///
/// Fails with kInvalidArgument when several could be meant, naming them; kDataLoss if there is
/// none.
Result<std::vector<StateDictEntry>> find_state_dict(const Pickle& pickle);

}  // namespace lanewise::converters
