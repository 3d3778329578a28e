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

/// The state dict in what torch.save() wrote, in name order: the pickled dict itself, or down to
/// four levels below, in dicts, lists and tuples, where training scripts put it beside their epoch
/// and optimizer. Of several, those that have a usual name (`state_dict`, `model`, ...) count, and
/// of these the ones nearest to the root. Entries that are no tensors are left out.
///
/// Fails with kInvalidArgument when several could be meant, naming them; kDataLoss if there is
/// none, kUnsupported if there is an object of somebody's class instead.
Result<std::vector<StateDictEntry>> find_state_dict(const Pickle& pickle);

}  // namespace lanewise::converters
